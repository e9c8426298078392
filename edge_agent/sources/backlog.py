"""Packets that wait undecoded until somebody needs what they show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

# Two seconds of a camera of 16 Mbit/s. Beyond it packets are decoded whether needed or not: memory has a cap.
MOST_BYTES = 4_000_000
# A glance is a key picture and the few after it, seven of 30 a second: as much as may be decoded once more.
_FEW = 8


class Packet(Protocol):
    """What is asked of a packet; FFmpeg's have it."""

    @property
    def is_keyframe(self) -> bool:
        """Whether its picture can be decoded without any before it."""
        ...

    @property
    def size(self) -> int:
        """Bytes."""
        ...


PacketT = TypeVar("PacketT", bound=Packet)


@dataclass(frozen=True, slots=True)
class Due(Generic[PacketT]):
    """A packet to decode now; ``paused`` if packets right before it were given up, so that decoding starts afresh, and
    ``again`` if it was given before, so that its picture is known and only those after it are not."""

    packet: PacketT
    paused: bool
    again: bool = False


class Backlog(Generic[PacketT]):
    """Holds packets back until one is needed, and then gives all since the newest key picture or since the last that
    it gave, whichever is later: no picture is decoded without those that it is built upon, and a camera that wakes is
    decoded from its newest key picture on. Older ones are given up. The first few that it gave since the newest key
    picture it keeps, for a decoder that was closed meanwhile."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._held: list[PacketT] = []
        self._given = 0
        self._bytes = 0
        self._gap = False
        self._whole = False

    @property
    def is_soon_repeated(self) -> bool:
        """Whether a decoder may be closed: all since the newest key picture is here, and little of it was given."""
        return self._whole

    @property
    def waits_for_few(self) -> bool:
        """Whether what is here and was not given is soon decoded."""
        return len(self._held) - self._given <= _FEW

    def offer(self, packet: PacketT, *, needed: bool, closed: bool = False) -> list[Due[PacketT]]:
        """Take the next packet and give those that are due, in order, to a decoder that goes on where it was, or to
        one that was ``closed`` since, which may be only while what is here ``is_soon_repeated``."""
        if packet.is_keyframe:
            self._gap = self._gap or self._given < len(self._held)
            self._held, self._given, self._bytes, self._whole = [], 0, 0, True
        self._held.append(packet)
        self._bytes += packet.size
        full = self._bytes > self._most_bytes
        if not (needed or full):
            return []
        first = 0 if closed else self._given
        due = [
            Due(held, paused=self._gap and index == 0, again=index < self._given)
            for index, held in enumerate(self._held[first:], first)
        ]
        self._given, self._gap = len(self._held), False
        if full or self._given > _FEW or not self._whole:
            self._held, self._given, self._bytes, self._whole = [], 0, 0, False
        return due

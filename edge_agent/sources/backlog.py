"""Packets that wait undecoded until somebody needs what they show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

# Two seconds of a camera of 16 Mbit/s. Beyond it packets are decoded whether needed or not: memory has a cap.
MOST_BYTES = 4_000_000


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
    """A packet to decode now; ``paused`` if packets right before it were given up, so that decoding starts afresh."""

    packet: PacketT
    paused: bool


class Backlog(Generic[PacketT]):
    """Holds packets back until one is needed, and then gives all since the newest key picture or since the last that
    it gave, whichever is later: no picture is decoded without those that it is built upon, and a camera that wakes is
    decoded from its newest key picture on. Older ones are given up."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._held: list[PacketT] = []
        self._bytes = 0
        self._gap = False

    def offer(self, packet: PacketT, *, needed: bool) -> list[Due[PacketT]]:
        """Take the next packet and give those that are due, in order."""
        if packet.is_keyframe and self._held:
            self._gap = True
            self._held, self._bytes = [], 0
        self._held.append(packet)
        self._bytes += packet.size
        if not needed and self._bytes <= self._most_bytes:
            return []
        due = [Due(held, paused=self._gap and index == 0) for index, held in enumerate(self._held)]
        self._held, self._bytes, self._gap = [], 0, False
        return due

"""What a source of frames is to the agent, how it may be asked to behave, and how it fails."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Protocol

from edge_agent.frame import Frame
from edge_agent.policy import require_positive
from edge_agent.sources.decoding import Decoding
from models.errors import NexaraError


class SourceError(NexaraError):
    """A source cannot give frames; the message never holds its credentials."""


class SourceUriError(SourceError):
    """A source's address cannot be understood: trying again cannot help."""


class SourceOpenError(SourceError):
    """A source could not be opened now; it may be there later."""


class SourceReadError(SourceError):
    """An open source stopped giving frames."""


class Turn(Protocol):
    """Entered by a thread that wants to compute, and left soon."""

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def hurry(self, *, awake: bool) -> None:
        """Say whether the camera is awake, which then comes before those that are not."""
        ...

    def miss(self) -> None:
        """Say that the calling thread leaves out a picture, since it is behind."""
        ...


class AnyTime:
    """A turn that is everybody's at any time."""

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def hurry(self, *, awake: bool) -> None: ...

    def miss(self) -> None: ...


ANY_TIME = AnyTime()


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How a source behaves.

    ``loop`` starts a file over at its end; ``realtime`` paces files and scenes by the clock, else they run as fast as
    they are judged; ``transport`` is RTSP's; ``decode`` is what FFmpeg decodes by, software where that is not there;
    the timeouts bound, in seconds, opening and the wait for one frame; ``turns`` is entered to decode a packet and to
    make samples, so that no more threads compute at a time than there are cores.
    """

    loop: bool = False
    realtime: bool = True
    transport: Literal["tcp", "udp"] = "tcp"
    decode: Decoding = "software"
    open_timeout_s: float = 10.0
    read_timeout_s: float = 5.0
    turns: Turn = field(default=ANY_TIME, compare=False, repr=False)

    def __post_init__(self) -> None:
        require_positive(open_timeout_s=self.open_timeout_s, read_timeout_s=self.read_timeout_s)


class Need(Protocol):
    """Tells a source what it need not decode."""

    def __call__(self, time_s: float, *, key: bool, spare_s: float) -> bool:
        """Whether the picture at ``time_s`` of the source's clock is needed. ``key``: it can be decoded without any
        before it. A source asks for each picture in turn before it decodes it, and once one is needed, gives all those
        since the newest key picture that it has not given. For ``spare_s`` seconds it need not be read, since what it
        is sent is kept for it: the answer that a picture is not needed may take as long."""
        ...


def needs_all(time_s: float, *, key: bool, spare_s: float) -> bool:  # noqa: ARG001 a Need takes these
    """Every picture is needed."""
    return True


class Source(Protocol):
    """An open source, used and closed by one thread."""

    @property
    def skipped(self) -> int:
        """Broken packets and frames left out so far."""
        ...

    @property
    def decoding(self) -> str:
        """By what its pictures are decoded, for people."""
        ...

    def read(self, stop: threading.Event) -> Frame | None:
        """The next frame, or ``None`` at the end of a source that has one, and soon after ``stop`` is set.

        Raises ``SourceReadError`` when no frame came within the read timeout or the source broke.
        """
        ...

    def close(self) -> None: ...

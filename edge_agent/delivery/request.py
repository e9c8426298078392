"""What somebody else published to us."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError)
"""What taking apart somebody else's JSON may raise."""


@dataclass(frozen=True, slots=True)
class Request:
    """One message as the broker passed it on; nothing of it has been checked. ``retained`` says that it was published
    so, whether the broker had kept it or not."""

    topic: str
    payload: bytes = field(repr=False)
    retained: bool
    response_topic: str | None
    correlation: bytes | None = field(repr=False)
    user_properties: tuple[tuple[str, str], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Subscription:
    """Topics to hear, and who is told. ``begin`` is told of each session before anything is heard in it. Both are
    called on the courier's thread, must not wait and must not raise."""

    topics: str
    receive: Callable[[Request], None]
    begin: Callable[[], None] | None = None

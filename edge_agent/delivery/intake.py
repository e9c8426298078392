"""The door between the threads that see things and the one that writes them to disk."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from edge_agent.delivery.message import Message


class Intake:
    """Messages that are not on disk yet: bounded by bytes, oldest dropped first and counted.

    It overflows only when the disk has stopped taking writes; memory must not follow it down.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._changed = threading.Condition()
        self._messages: deque[Message] = deque()
        self._bytes = 0
        self._dropped = 0
        self._closed = False
        self._nudged = False

    def put(self, message: Message) -> None:
        """Take one message; never waits."""
        with self._changed:
            self._messages.append(message)
            self._bytes += message.size
            self._shed()
            self._changed.notify()

    def take(self, timeout_s: float) -> list[Message]:
        """All messages, waiting up to ``timeout_s`` for the first; empty after the time, a nudge or once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._messages or self._closed or self._nudged, timeout_s)
            self._nudged = False
            taken = list(self._messages)
            self._messages.clear()
            self._bytes = 0
            return taken

    def put_back(self, messages: Sequence[Message]) -> None:
        """Return what could not be written, before anything newer."""
        with self._changed:
            self._messages.extendleft(reversed(messages))
            self._bytes += sum(message.size for message in messages)
            self._shed()

    def nudge(self) -> None:
        """End one waiting ``take`` early."""
        with self._changed:
            self._nudged = True
            self._changed.notify()

    def close(self) -> None:
        """Stop waiting; what is inside can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        with self._changed:
            return self._closed

    @property
    def waiting(self) -> int:
        """Messages inside."""
        with self._changed:
            return len(self._messages)

    @property
    def dropped(self) -> int:
        """Messages lost here so far."""
        with self._changed:
            return self._dropped

    def _shed(self) -> None:
        while self._bytes > self._max_bytes and len(self._messages) > 1:
            self._bytes -= self._messages.popleft().size
            self._dropped += 1

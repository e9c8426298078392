"""Answers on their way to the broker."""

from __future__ import annotations

import threading
from collections import deque

from edge_agent.delivery.message import Message

MOST_WAITING = 64
"""Whoever asks more than that while nothing gets through has given up on the first of them."""


class Replies:
    """Messages of which each matters once: offered in order, to the session that is up or to the next one, and kept
    nowhere else. Bounded; the oldest leave first. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[Message] = deque(maxlen=MOST_WAITING)

    def put(self, message: Message) -> None:
        with self._lock:
            self._waiting.append(message)

    def take(self, most: int) -> list[Message]:
        """Up to ``most`` of them, which are then gone from here."""
        with self._lock:
            return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    @property
    def empty(self) -> bool:
        return not self._waiting

"""The notice board: messages of which only the newest per topic matters."""

from __future__ import annotations

import threading
from collections.abc import Container, Iterable

from edge_agent.delivery.message import Message


class Board:
    """Latest-wins messages on their way to the broker; safe to use from any thread.

    Retained ones are kept and offered again on every new session, since a broker may have lost them; others are
    offered once, and only to the session that is up.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, Message] = {}
        self._pending: dict[str, Message] = {}

    def post(self, message: Message) -> None:
        """Put a message up in place of any earlier one of its topic."""
        with self._lock:
            self._pending[message.topic] = message
            if message.retain:
                self._kept[message.topic] = message

    def forget(self, message: Message) -> None:
        """Keep ``message`` no longer, unless a newer one has taken its place."""
        with self._lock:
            if self._kept.get(message.topic) is message:
                del self._kept[message.topic]

    @property
    def empty(self) -> bool:
        """Whether nothing is pending."""
        with self._lock:
            return not self._pending

    def renew(self) -> None:
        """Begin a new session: everything kept is pending again, and what nobody was there to hear is forgotten."""
        with self._lock:
            self._pending = dict(self._kept)

    def take(self, most: int, resting: Iterable[str] = (), *, but: Container[str] = ()) -> list[Message]:
        """Up to ``most`` pending messages in the order in which their topics were first posted, ``but`` those of some
        topics, which stay pending. Those of ``resting`` topics are put off until they are posted again, or to the next
        session."""
        with self._lock:
            for topic in resting:
                self._pending.pop(topic, None)
            topics = [topic for topic in self._pending if topic not in but][:most]
            return [self._pending.pop(topic) for topic in topics]

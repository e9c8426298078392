"""One MQTT application message, ready to be published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

JSON = "application/json"
JPEG = "image/jpeg"


@dataclass(frozen=True, slots=True)
class Message:
    """Topic, payload and the MQTT 5 properties that travel with it. ``incident`` is the one that this is a step of, and
    ``ends`` says that it is the last step. ``correlation`` is what a request gave its answer to bear, and
    ``response_topic`` where the answer to this one is to go; neither is kept in the spool."""

    topic: str
    payload: bytes
    content_type: str = JSON
    user_properties: tuple[tuple[str, str], ...] = ()
    qos: Literal[0, 1] = 1
    retain: bool = False
    incident: str | None = None
    ends: bool = False
    correlation: bytes | None = None
    response_topic: str | None = None

    @property
    def withdraws(self) -> bool:
        """Whether it has the broker forget what it retains on this topic."""
        return self.retain and not self.payload

    @property
    def size(self) -> int:
        """Bytes that this message takes on the wire and in the spool, but for a few of framing."""
        properties = sum(len(name.encode()) + len(value.encode()) for name, value in self.user_properties)
        return len(self.payload) + len(self.topic.encode()) + len(self.content_type) + properties

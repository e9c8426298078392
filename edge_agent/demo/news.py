"""What one MQTT message says, read the way any consumer would: by its topic and its published schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import msgspec

from edge_agent.delivery.payloads import CameraState, Health, Incident, Status
from edge_agent.delivery.topics import Topics
from edge_agent.demo.errors import DemoError
from edge_agent.demo.subscriber import Message

Kind = Literal["status", "health", "state", "incident", "snapshot"]

_SCHEMAS: dict[Kind, type[Status | Health | CameraState | Incident]] = {
    "status": Status,
    "health": Health,
    "state": CameraState,
    "incident": Incident,
}


@dataclass(frozen=True, slots=True)
class News:
    """One message, understood. ``topic`` is what follows the device's root; ``content`` is ``None`` for a JPEG."""

    kind: Kind
    topic: str
    camera: str | None
    content: Status | Health | CameraState | Incident | None
    size: int
    received_s: float


def read_news(topics: Topics, message: Message) -> News:
    """Read a message of the device that ``topics`` names; raises ``DemoError`` when it breaks its contract."""
    topic = message.topic.removeprefix(f"{topics.root}/")
    camera, _, rest = topic.removeprefix("camera/").partition("/")
    kind = next((known for known in get_args(Kind) if known in (topic, rest)), None)
    if kind is None:
        raise DemoError(f"a message on {message.topic}, a topic that the agent does not have; report this")
    content = None
    if kind in _SCHEMAS:
        try:
            content = msgspec.json.decode(message.payload, type=_SCHEMAS[kind])
        except msgspec.MsgspecError as error:
            raise DemoError(f"the message on {message.topic} breaks its schema: {error}; report this") from error
    return News(kind, topic, camera if rest else None, content, len(message.payload), message.received_s)

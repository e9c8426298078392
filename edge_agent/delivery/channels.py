"""Everything that the agent says on MQTT, as a table: where, how, and by which schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge_agent.delivery.message import JPEG, JSON
from edge_agent.delivery.topics import DISCOVERY_PREFIX, Topics, discovery_topic

_TOPICS = Topics("{site}", "{device}")


@dataclass(frozen=True, slots=True)
class Channel:
    """One kind of topic; its parts in braces stand for one level each. ``schema`` names that of the payload or, where
    that is a picture, of the user properties beside it. ``heard``: others publish there, and the agent listens."""

    name: str
    address: str
    schema: str
    retained: bool
    qos: Literal[0, 1]
    content_type: str = JSON
    heard: bool = False


CHANNELS = (
    Channel("status", _TOPICS.status, "status", retained=True, qos=1),
    Channel("health", _TOPICS.health, "health", retained=False, qos=0),
    Channel("camera-state", _TOPICS.camera_state("{camera}"), "camera-state", retained=True, qos=1),
    Channel("incident", _TOPICS.incident("{camera}"), "incident", retained=False, qos=1),
    Channel("snapshot", _TOPICS.snapshot("{camera}"), "snapshot-properties", retained=False, qos=1, content_type=JPEG),
    Channel("bundle", _TOPICS.bundle, "bundle", retained=True, qos=1),
    Channel("desired-bundle", _TOPICS.desired_bundle, "desired-bundle", retained=True, qos=1, heard=True),
    Channel("home-assistant", discovery_topic(DISCOVERY_PREFIX, "{object}"), "home-assistant", retained=True, qos=1),
)

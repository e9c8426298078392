"""What one camera is outside, when several share a source: an id, a part of the picture and policies."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.camera_policies import CameraPolicies
from edge_agent.cover import OPEN, Cover
from edge_agent.region import WHOLE, Region


@dataclass(frozen=True, slots=True)
class View:
    """``id`` is unique among all views of an agent, and a part of MQTT topics; ``policies`` as ``CameraSpec`` has
    them. ``cover`` is of its own part of the picture."""

    id: str
    region: Region = WHOLE
    policies: CameraPolicies | None = None
    cover: Cover = OPEN

"""One camera as the agent is told of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge_agent.camera_policies import CameraPolicies
from edge_agent.cover import OPEN, Cover
from edge_agent.sources import PacketSink, SourceOptions
from edge_agent.view import View


@dataclass(frozen=True, slots=True)
class CameraSpec:
    """One camera: its id (unique, and a part of MQTT topics), its source's address and its policies
    (``None``: the bundle's thresholds and the defaults of all else). ``sink`` is given every packet that its source
    sends, decoded or not.

    A wall has ``cells``: each is a camera to everybody outside, and the wall's own id, policies and ``cover`` then say
    nothing of them.
    """

    id: str
    source: str
    options: SourceOptions = field(default_factory=SourceOptions)
    policies: CameraPolicies | None = None
    sink: PacketSink | None = field(default=None, repr=False)
    cells: tuple[View, ...] = ()
    cover: Cover = OPEN

    @property
    def views(self) -> tuple[View, ...]:
        """What its source shows: the cells of a wall, or one view of all of it."""
        return self.cells or (View(self.id, policies=self.policies, cover=self.cover),)

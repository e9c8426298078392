"""One camera as the agent is told of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from edge_agent.camera_policies import CameraPolicies
from edge_agent.cover import OPEN, Cover
from edge_agent.policy import PolicyError
from edge_agent.sources import PacketSink, SourceOptions, check_address
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


def check_cameras(cameras: Sequence[CameraSpec]) -> None:
    """Raise ``PolicyError`` or ``SourceUriError`` for cameras that could never be watched."""
    if not cameras:
        raise PolicyError("no cameras: at least one is needed; add one to the configuration")
    ids = Counter(id_ for spec in cameras for id_ in (spec.id, *(cell.id for cell in spec.cells)))
    for id_, uses in ids.items():
        if uses > 1:
            raise PolicyError(f"camera id {id_!r} is used more than once; give each camera its own")
    for spec in cameras:
        check_address(spec.source)

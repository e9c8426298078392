"""How one camera is watched: every figure that may change while it is."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge_agent.attention import AttentionPolicy
from edge_agent.incidents import IncidentPolicy
from edge_agent.sampling import SamplingPolicy
from edge_agent.snapshot import SnapshotPolicy
from models.manifest import Thresholds


@dataclass(frozen=True, slots=True)
class CameraPolicies:
    """One camera's policies, complete."""

    thresholds: Thresholds
    sampling: SamplingPolicy = field(default_factory=SamplingPolicy)
    attention: AttentionPolicy = field(default_factory=AttentionPolicy)
    incidents: IncidentPolicy = field(default_factory=IncidentPolicy)
    snapshots: SnapshotPolicy = field(default_factory=SnapshotPolicy)

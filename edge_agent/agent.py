"""The agent: every camera's frames in, every camera's incidents out, until it is told to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge_agent.attention import AttentionPolicy
from edge_agent.backoff import BackoffPolicy
from edge_agent.events import Connection, Mode, Outbox
from edge_agent.incidents import IncidentPolicy
from edge_agent.sampling import SamplingPolicy
from edge_agent.snapshot import SnapshotPolicy
from edge_agent.sources.source import SourceOptions
from models.manifest import Thresholds

if TYPE_CHECKING:
    from models.bundle import Bundle


@dataclass(frozen=True, slots=True)
class CameraSpec:
    """One camera: its id (unique, and a part of MQTT topics), its source's address and its own thresholds
    (``None``: the bundle's)."""

    id: str
    source: str
    options: SourceOptions = SourceOptions()
    thresholds: Thresholds | None = None


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """How the agent works; ``target`` names the bundle's artifact to use (``None``: the best that runs here), and
    ``thumbnail_side`` asks for a small picture in each observation. Intervals are in seconds."""

    target: str | None = None
    threads: int = 1
    sampling: SamplingPolicy = SamplingPolicy()
    attention: AttentionPolicy = AttentionPolicy()
    incidents: IncidentPolicy = IncidentPolicy()
    snapshots: SnapshotPolicy = SnapshotPolicy()
    retry: BackoffPolicy = BackoffPolicy()
    health_interval_s: float = 30.0
    state_interval_s: float = 10.0
    observe_interval_s: float = 0.5
    thumbnail_side: int | None = None
    stop_when_ended: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """One camera as a live view shows it. ``score`` is the last calibrated probability, ``incident`` the id of the one
    in progress, ``incidents`` how many there were; ``thumbnail`` is ``(h, w, 3) uint8 BGR``."""

    camera: str
    at: datetime
    connection: Connection
    mode: Mode
    score: float | None
    samples_per_s: float
    incidents: int
    incident: str | None
    reason: str | None
    thumbnail: NDArray[np.uint8] | None = field(default=None, repr=False, compare=False)


def run_agent(
    cameras: Sequence[CameraSpec],
    bundle: Bundle,
    outbox: Outbox,
    *,
    stop: threading.Event,
    options: AgentOptions = AgentOptions(),  # noqa: B008 - frozen
    clock: Callable[[], float] = time.monotonic,
    wall: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    observe: Callable[[Observation], None] | None = None,
) -> None:
    """Watch ``cameras`` with ``bundle`` and tell ``outbox``, until ``stop`` is set; returns within about 3 s of that.

    A camera that is not there, breaks or hangs is reported and tried again, and disturbs no other. ``observe`` is
    called on this thread. Raises ``PolicyError`` for cameras that cannot be told apart and what ``open_detector``
    raises when nothing here can run the bundle.
    """
    raise NotImplementedError

"""What the agent has to say, before it becomes MQTT: plain facts, and the seam they leave through."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from models.manifest import Thresholds

Phase = Literal["started", "updated", "ended"]
EndReason = Literal["calm", "silent", "stopped", "interrupted"]
Connection = Literal["connecting", "connected", "stalled", "failed"]
Mode = Literal["idle", "alert"]
Picture = Literal["ok", "frozen", "dark", "blank"]


@dataclass(frozen=True, slots=True)
class CameraState:
    """How one camera is doing; ``score`` is the last calibrated probability, ``reason`` why it is not connected, and
    ``picture`` what is wrong with what it shows, ``armed`` whether an incident may start now, by its schedule and as it
    is not muted, ``muted_until`` when that ends, and ``incident`` the id of the one in progress."""

    camera: str
    connection: Connection
    mode: Mode
    score: float | None
    at: datetime
    reason: str | None = None
    picture: Picture = "ok"
    armed: bool = True
    muted_until: datetime | None = None
    incident: str | None = None


@dataclass(frozen=True, slots=True)
class IncidentEvent:
    """One step of one incident. ``sequence`` counts from 0 within the incident; times are UTC wall clock, and
    ``source_time_s`` is the source's own clock (seconds since the stream's start) at ``at``. ``thresholds`` are those
    that judged this step: a reload may change them in the course of an incident. ``reason`` says why it ended, and
    ``clip`` where its film will lie, in the folder of clips."""

    camera: str
    incident: str
    sequence: int
    phase: Phase
    at: datetime
    started_at: datetime
    ended_at: datetime | None
    source_time_s: float
    probability: float
    peak: float
    mean: float
    snapshot: str | None
    thresholds: Thresholds
    reason: EndReason | None = None
    clip: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A JPEG of a camera; ``reference`` is what the incident's ``snapshot`` names. ``incident`` is empty where it was
    made for none."""

    camera: str
    incident: str
    reference: str
    at: datetime
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Health:
    """Figures of the last period, for the whole agent; rates are per second, latencies in milliseconds from a
    sample's newest frame to its judgement. ``rate_share`` is how much of the alert rate cameras are sampled at, below
    1 while more are awake than can be judged."""

    at: datetime
    samples_per_s: float
    queue: int
    latency_p50_ms: float | None
    latency_p99_ms: float | None
    dropped: int
    rate_share: float
    memory_bytes: int
    temperature_c: float | None


class Outbox(Protocol):
    """Where events leave. No call blocks on the network or raises for the broker's sake."""

    def incident(self, event: IncidentEvent) -> None: ...

    def snapshot(self, snapshot: Snapshot) -> None: ...

    def camera_state(self, state: CameraState) -> None: ...

    def health(self, health: Health) -> None: ...

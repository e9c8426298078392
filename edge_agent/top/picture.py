"""What two readings say together: rates, shares and percentiles of the time between them."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from edge_agent.top.reading import Reading

_LATENCY = "nexara_latency_seconds_bucket"


@dataclass(frozen=True, slots=True)
class CameraRow:
    """One camera. ``score`` is the last probability, latencies are in milliseconds, ``dropped`` and ``incidents`` count
    from the agent's start."""

    camera: str
    connection: str
    mode: str
    score: float | None
    samples_per_s: float
    dropped: int
    p50_ms: float | None
    p99_ms: float | None
    incidents: int


@dataclass(frozen=True, slots=True)
class Picture:
    """The whole agent. ``shares`` are of one core, by stage, where ``other`` is all that no stage's own thread computed
    (an engine's further threads above all); ``cores`` is their sum."""

    version: str
    bundle: str
    runtime: str
    uptime_s: float
    cameras: tuple[CameraRow, ...]
    shares: tuple[tuple[str, float], ...]
    cores: float
    queue: int
    memory_bytes: float
    broker_connected: bool
    delivered: int
    spool_messages: int
    spool_bytes: float


def compare(before: Reading, now: Reading, wall_s: float) -> Picture:
    """What changed from ``before`` to ``now``; ``wall_s`` is seconds since the epoch at ``now``."""
    seconds = max(now.at_s - before.at_s, 1e-3)
    stages = now.labels("nexara_stage_cpu_seconds_total", "stage")
    shares = [(stage, _risen(before, now, "nexara_stage_cpu_seconds_total", stage=stage) / seconds) for stage in stages]
    cores = _risen(before, now, "process_cpu_seconds_total") / seconds
    other = max(0.0, cores - sum(share for _, share in shares))
    # Nothing is computed while a sample or an answer is waited for.
    shown = [*sorted((pair for pair in shares if pair[1] > 0), key=lambda pair: -pair[1]), ("other", other)]
    bundle = now.label("nexara_build_info", "bundle")
    return Picture(
        version=now.label("nexara_build_info", "version"),
        bundle=f"{bundle} {now.label('nexara_build_info', 'bundle_version')}",
        runtime=now.label("nexara_runtime_info", "runtime"),
        uptime_s=max(0.0, wall_s - now.value("process_start_time_seconds")),
        cameras=tuple(
            _row(before, now, camera, seconds) for camera in now.labels("nexara_samples_judged_total", "camera")
        ),
        shares=tuple(shown),
        cores=cores,
        queue=int(now.value("nexara_queue_samples")),
        memory_bytes=now.value("process_resident_memory_bytes"),
        broker_connected=now.value("nexara_broker_connected") > 0,
        delivered=int(now.value("nexara_messages_delivered_total")),
        spool_messages=int(now.value("nexara_spool_messages")),
        spool_bytes=now.value("nexara_spool_bytes"),
    )


def _row(before: Reading, now: Reading, camera: str, seconds: float) -> CameraRow:
    buckets = _buckets(before, now, camera)
    return CameraRow(
        camera=camera,
        connection=now.label("nexara_camera_connection", "connection", camera=camera),
        mode=now.label("nexara_camera_mode", "mode", camera=camera),
        score=now.find("nexara_probability", camera=camera),
        samples_per_s=_risen(before, now, "nexara_samples_judged_total", camera=camera) / seconds,
        dropped=int(now.value("nexara_samples_dropped_total", camera=camera)),
        p50_ms=_percentile(buckets, 0.50),
        p99_ms=_percentile(buckets, 0.99),
        incidents=int(now.value("nexara_incidents_started_total", camera=camera)),
    )


def _risen(before: Reading, now: Reading, name: str, **labels: str) -> float:
    """By how much a counter rose; one that fell was started anew with its agent."""
    old, new = before.sum(name, **labels), now.sum(name, **labels)
    return new - old if new >= old else new


def _buckets(before: Reading, now: Reading, camera: str) -> list[tuple[float, float]]:
    """``(bound in seconds, count up to it)`` between the readings; since the start when nothing was judged since."""
    bounds = sorted(now.labels(_LATENCY, "le"), key=float)
    new = [now.value(_LATENCY, camera=camera, le=bound) for bound in bounds]
    old = [before.value(_LATENCY, camera=camera, le=bound) for bound in bounds]
    if old and new[-1] > old[-1]:
        new = [after - earlier for after, earlier in zip(new, old, strict=True)]
    return list(zip(map(float, bounds), new, strict=True))


def _percentile(buckets: list[tuple[float, float]], part: float) -> float | None:
    """In milliseconds, as if figures were spread evenly within their bucket; the last bound for those beyond it."""
    if not buckets or not buckets[-1][1]:
        return None
    wanted = part * buckets[-1][1]
    for (low, below), (high, count) in itertools.pairwise([(0.0, 0.0), *buckets]):
        if count >= wanted and count > below:
            reached = low if math.isinf(high) else low + (high - low) * (wanted - below) / (count - below)
            return reached * 1000
    return None

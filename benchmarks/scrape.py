"""What the agent's metrics counted between two moments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edge_agent.top.reading import Reading

STAGES = ("decode", "shrink", "sample", "encode", "head", "decide", "snapshot", "commit", "publish")


@dataclass(frozen=True, slots=True)
class Counted:
    """Samples judged by camera and those given up, packets left out, and seconds that threads computed by stage."""

    seconds: float
    judged: Mapping[str, float]
    dropped: float
    broken: float
    stages: Mapping[str, float]


def count(before: Reading, after: Reading) -> Counted:
    """What happened from ``before`` to ``after``, two readings of one agent."""

    def rise(name: str, **labels: str) -> float:
        return after.sum(name, **labels) - before.sum(name, **labels)

    judged = "nexara_samples_judged_total"
    return Counted(
        seconds=after.at_s - before.at_s,
        judged={camera: rise(judged, camera=camera) for camera in after.labels(judged, "camera")},
        dropped=rise("nexara_samples_dropped_total"),
        broken=rise("nexara_broken_packets_total"),
        stages={stage: rise("nexara_stage_cpu_seconds_total", stage=stage) for stage in STAGES},
    )

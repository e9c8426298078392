"""How the whole agent is doing: what was judged in the last period, and what this machine says of itself."""

from __future__ import annotations

import resource
from collections import deque
from datetime import datetime
from pathlib import Path

import numpy as np

from edge_agent.events import Health

_THERMAL = Path("/sys/class/thermal")
_STATM = Path("/proc/self/statm")
# Ten minutes at 100 samples a second; a longer period gives its percentiles over the newest of these.
_MOST_LATENCIES = 60_000


class HealthMeter:
    """Counts between two reports."""

    def __init__(self, now_s: float) -> None:
        self._since_s = now_s
        self._judged = 0
        self._latencies: deque[float] = deque(maxlen=_MOST_LATENCIES)
        self._dropped_before = 0

    def judged(self, latency_s: float) -> None:
        """Count one judgement."""
        self._judged += 1
        self._latencies.append(latency_s)

    def report(self, now_s: float, at: datetime, *, queue: int, dropped: int, share: float) -> Health:
        """Figures since the last report; ``dropped`` counts from the agent's start. A new period begins."""
        p50, p99 = _percentiles(self._latencies)
        health = Health(
            at=at,
            samples_per_s=self._judged / max(now_s - self._since_s, 1e-3),
            queue=queue,
            latency_p50_ms=p50,
            latency_p99_ms=p99,
            dropped=dropped - self._dropped_before,
            rate_share=share,
            memory_bytes=read_memory(),
            temperature_c=read_temperature(),
        )
        self._since_s, self._judged, self._dropped_before = now_s, 0, dropped
        self._latencies.clear()
        return health


class RateMeter:
    """Events a second over the last ``span_s`` seconds."""

    def __init__(self, span_s: float) -> None:
        self._span_s = span_s
        self._times: deque[float] = deque(maxlen=1024)

    def count(self, now_s: float) -> None:
        self._times.append(now_s)

    def rate(self, now_s: float) -> float:
        while self._times and now_s - self._times[0] > self._span_s:
            self._times.popleft()
        return len(self._times) / self._span_s


def read_memory(statm: Path = _STATM) -> int:
    """Bytes of memory this process holds now; 0 where the system does not say."""
    try:
        return int(statm.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 0


def read_temperature(thermal: Path = _THERMAL) -> float | None:
    """The hottest zone of this machine in degrees Celsius; ``None`` where it has no sensor."""
    readings = []
    for zone in thermal.glob("thermal_zone*/temp"):
        try:
            readings.append(int(zone.read_text(encoding="ascii")) / 1000)
        except (OSError, ValueError):  # noqa: PERF203 - some zones exist and refuse to be read
            continue
    return max(readings, default=None)


def _percentiles(latencies: deque[float]) -> tuple[float | None, float | None]:
    if not latencies:
        return None, None
    p50, p99 = np.percentile(np.array(latencies), [50, 99]) * 1000
    return float(p50), float(p99)

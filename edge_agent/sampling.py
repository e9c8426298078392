"""Which frames become samples: pure logic, moved by the frames' own times."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.policy import require_positive


@dataclass(frozen=True, slots=True)
class SamplingPolicy:
    """A sample every ``idle_interval_s`` while a camera is idle, ``alert_rate_hz`` samples a second (``None``: the
    bundle's own rate) while it is alert. A silence between frames above ``largest_gap_s`` is a break."""

    idle_interval_s: float = 2.0
    alert_rate_hz: float | None = None
    largest_gap_s: float = 1.0

    def __post_init__(self) -> None:
        require_positive(
            idle_interval_s=self.idle_interval_s,
            alert_rate_hz=self.alert_rate_hz or 1.0,
            largest_gap_s=self.largest_gap_s,
        )

"""How closely a camera is watched: glance while idle, look while alert, with hysteresis; pure, time passed in."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.policy import require_positive


@dataclass(frozen=True, slots=True)
class AttentionPolicy:
    """A camera falls back to idle after its score was calm for ``calm_hold_s`` seconds without a break."""

    calm_hold_s: float = 5.0

    def __post_init__(self) -> None:
        require_positive(calm_hold_s=self.calm_hold_s)

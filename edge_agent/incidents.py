"""When a run of scores is one incident: pure, time passed in."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.policy import PolicyError, require_positive


@dataclass(frozen=True, slots=True)
class IncidentPolicy:
    """An incident starts when the level has been at or above the alert threshold for ``start_hold_s``, is updated
    every ``update_interval_s`` and ends when the level has been below the clear threshold for ``end_hold_s``.

    The level is the median of the last ``smoothing`` probabilities, so that a spurious one neither starts nor ends
    anything; all of them must be younger than ``smoothing_span_s``. Seconds throughout.
    """

    smoothing: int = 5
    smoothing_span_s: float = 1.5
    start_hold_s: float = 0.3
    update_interval_s: float = 3.0
    end_hold_s: float = 5.0
    silence_s: float = 10.0

    def __post_init__(self) -> None:
        if self.smoothing < 1:
            raise PolicyError(f"smoothing: found {self.smoothing}, at least 1 is allowed; correct the configuration")
        require_positive(
            smoothing_span_s=self.smoothing_span_s,
            update_interval_s=self.update_interval_s,
            end_hold_s=self.end_hold_s,
            silence_s=self.silence_s,
        )

"""How closely a camera is watched: glance while idle, look while alert, with hysteresis; pure, time passed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge_agent.events import Mode
from edge_agent.policy import require_not_negative, require_positive
from models.manifest import Thresholds


@dataclass(frozen=True, slots=True)
class AttentionPolicy:
    """A camera falls back to idle after its score was calm for ``calm_hold_s`` seconds without a break; for
    ``doubt_hold_s``, which may be 0, where no score since it woke has come to the alert threshold. Most of what wakes a
    camera is over by the next look, and another glance comes soon."""

    calm_hold_s: float = 2.0
    doubt_hold_s: float = 0.2

    def __post_init__(self) -> None:
        require_positive(calm_hold_s=self.calm_hold_s)
        require_not_negative(doubt_hold_s=self.doubt_hold_s)


_State = Literal["idle", "alert", "calming"]
_Level = Literal["waking", "between", "calm"]

_NEXT: dict[tuple[_State, _Level], _State] = {
    ("idle", "waking"): "alert",
    ("idle", "between"): "idle",
    ("idle", "calm"): "idle",
    ("alert", "waking"): "alert",
    ("alert", "between"): "alert",
    ("alert", "calm"): "calming",
    ("calming", "waking"): "alert",
    ("calming", "between"): "alert",
    ("calming", "calm"): "calming",
}
_MODE: dict[_State, Mode] = {"idle": "idle", "alert": "alert", "calming": "alert"}


class Attention:
    """One camera's mode. Its score is calm below the clear threshold, or below the wake threshold where that is lower:
    a score that wakes must not count as calm."""

    def __init__(self, policy: AttentionPolicy, thresholds: Thresholds) -> None:
        self._state: _State = "idle"
        self._since_s = 0.0
        self._doubtful = True
        self.apply(policy, thresholds)

    def apply(self, policy: AttentionPolicy, thresholds: Thresholds) -> None:
        """Judge by these from the next score on; the mode stays until then."""
        self._policy = policy
        self._wake, self._alert = thresholds.wake, thresholds.alert
        self._calm = min(thresholds.clear, thresholds.wake)

    @property
    def mode(self) -> Mode:
        return _MODE[self._state]

    def judge(self, time_s: float, probability: float, *, busy: bool) -> Mode:
        """Take one score; a ``busy`` camera (an incident is in progress) does not fall back to idle."""
        self._enter(_NEXT[self._state, self._level(probability)], time_s)
        self._doubtful = self._doubtful and probability < self._alert
        hold_s = self._policy.doubt_hold_s if self._doubtful else self._policy.calm_hold_s
        if self._state == "calming" and time_s - self._since_s >= hold_s and not busy:
            self.rest()
        return self.mode

    def rest(self) -> None:
        """Fall back to idle, as when nothing is heard of the camera."""
        self._state, self._doubtful = "idle", True

    def _level(self, probability: float) -> _Level:
        if probability >= self._wake:
            return "waking"
        return "calm" if probability < self._calm else "between"

    def _enter(self, state: _State, time_s: float) -> None:
        if state != self._state:
            self._state, self._since_s = state, time_s

"""When a run of scores is one incident: pure, time passed in."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Literal

from edge_agent.events import EndReason, Phase
from edge_agent.policy import PolicyError, require_positive
from edge_agent.schedule import Schedule
from models.manifest import Thresholds


@dataclass(frozen=True, slots=True)
class IncidentPolicy:
    """An incident starts when the level has been at or above the alert threshold for ``start_hold_s``, is updated
    every ``update_interval_s`` and ends when the level has been below the clear threshold for ``end_hold_s``, or when
    nothing was judged for ``silence_s``. For ``cooldown_s`` after an end no other starts; 0 is none. Outside the hours
    of ``schedule`` none starts, and one in progress goes on to its end; without any line it is always on.

    The level is the median of the last ``smoothing`` probabilities, so that a spurious one neither starts nor ends
    anything; all of them must be younger than ``smoothing_span_s``. Seconds throughout.
    """

    smoothing: int = 5
    smoothing_span_s: float = 1.5
    start_hold_s: float = 0.3
    update_interval_s: float = 3.0
    end_hold_s: float = 5.0
    silence_s: float = 10.0
    cooldown_s: float = 0.0
    schedule: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.smoothing < 1 or not self.start_hold_s >= 0 or not self.cooldown_s >= 0:
            raise PolicyError(
                f"incidents: found smoothing = {self.smoothing}, start_hold_s = {self.start_hold_s}, cooldown_s = "
                f"{self.cooldown_s}; allowed are at least 1, at least 0 and at least 0; correct the configuration"
            )
        require_positive(
            smoothing_span_s=self.smoothing_span_s,
            update_interval_s=self.update_interval_s,
            end_hold_s=self.end_hold_s,
            silence_s=self.silence_s,
        )
        Schedule(self.schedule)


@dataclass(frozen=True, slots=True)
class IncidentStep:
    """One step of one incident, in the camera's own time. Probabilities are levels (smoothed); ``peak`` and ``mean``
    leave out the calm at its end."""

    incident: str
    sequence: int
    phase: Phase
    time_s: float
    started_s: float
    ended_s: float | None
    probability: float
    peak: float
    mean: float
    reason: EndReason | None


# Times are sums of tenths: three of them must count as 0.3 s.
_ROUNDING_S = 1e-6

_State = Literal["calm", "rising", "active", "fading"]
_Level = Literal["high", "middle", "low"]

_NEXT: dict[tuple[_State, _Level], _State] = {
    ("calm", "high"): "rising",
    ("calm", "middle"): "calm",
    ("calm", "low"): "calm",
    ("rising", "high"): "rising",
    ("rising", "middle"): "calm",
    ("rising", "low"): "calm",
    ("active", "high"): "active",
    ("active", "middle"): "active",
    ("active", "low"): "fading",
    ("fading", "high"): "active",
    ("fading", "middle"): "active",
    ("fading", "low"): "fading",
}


@dataclass(slots=True)
class _Incident:
    id: str
    started_s: float
    told_s: float
    sequence: int = -1
    peak: float = 0.0
    total: float = 0.0
    levels: int = 0


class IncidentMachine:
    """One camera's incidents. A fight that flickers is one incident: it goes on while its level comes back within
    ``end_hold_s``. ``make_id`` names each incident anew."""

    def __init__(self, policy: IncidentPolicy, thresholds: Thresholds, make_id: Callable[[], str]) -> None:
        self._policy = policy
        self._thresholds = thresholds
        self._make_id = make_id
        self._recent: deque[tuple[float, float]] = deque(maxlen=policy.smoothing)
        self._state: _State = "calm"
        self._since_s = 0.0
        self._ended_s = -math.inf
        self._level = 0.0
        self._incident: _Incident | None = None

    @property
    def incident(self) -> str | None:
        """The id of the incident in progress."""
        return self._incident.id if self._incident else None

    @property
    def peak(self) -> float:
        """The highest level of the incident in progress, 0 where there is none."""
        return self._incident.peak if self._incident else 0.0

    def apply(self, policy: IncidentPolicy, thresholds: Thresholds) -> None:
        """Judge by these from the next probability on. What is in progress stays so until one ends it; holds that have
        begun count from where they began."""
        if policy.smoothing != self._policy.smoothing:
            self._recent = deque(self._recent, maxlen=policy.smoothing)
        self._policy = policy
        self._thresholds = thresholds

    def judge(self, time_s: float, probability: float, *, armed: bool = True) -> IncidentStep | None:
        """Take one calibrated probability; times rise from call to call. Nothing starts while it is not ``armed``."""
        if not self._smooth(time_s, probability):
            return None
        level = self._classify() if armed or self._incident else "low"
        self._enter(_NEXT[self._state, level], time_s)
        lasted_s = time_s - self._since_s + _ROUNDING_S
        rested_s = time_s - self._ended_s + _ROUNDING_S
        if self._state == "rising" and lasted_s >= self._policy.start_hold_s and rested_s >= self._policy.cooldown_s:
            self._incident = _Incident(self._make_id(), started_s=self._since_s, told_s=time_s)
            self._enter("active", time_s)
        if self._incident is None:
            return None
        if self._state == "active":
            self._count(self._incident)
        if self._incident.sequence < 0:
            return self._tell(self._incident, "started", time_s)
        if self._state == "fading" and lasted_s >= self._policy.end_hold_s:
            return self._end(self._incident, time_s, self._since_s, "calm")
        if time_s - self._incident.told_s + _ROUNDING_S >= self._policy.update_interval_s:
            return self._tell(self._incident, "updated", time_s)
        return None

    def silence(self, time_s: float, last_s: float) -> IncidentStep | None:
        """Take that it is ``time_s`` and nothing was judged since ``last_s``."""
        if self._incident is None or time_s - last_s < self._policy.silence_s:
            return None
        return self._end(self._incident, time_s, last_s, "silent")

    def close(self, time_s: float) -> IncidentStep | None:
        """End what is in progress: nobody watches any more."""
        return self._end(self._incident, time_s, time_s, "stopped") if self._incident else None

    def _smooth(self, time_s: float, probability: float) -> bool:
        self._recent.append((time_s, probability))
        while time_s - self._recent[0][0] > self._policy.smoothing_span_s:
            self._recent.popleft()
        self._level = median(probability for _, probability in self._recent)
        return len(self._recent) == self._policy.smoothing

    def _classify(self) -> _Level:
        if self._level >= self._thresholds.alert:
            return "high"
        return "low" if self._level < self._thresholds.clear else "middle"

    def _enter(self, state: _State, time_s: float) -> None:
        if state != self._state:
            self._state, self._since_s = state, time_s

    def _count(self, incident: _Incident) -> None:
        incident.peak = max(incident.peak, self._level)
        incident.total += self._level
        incident.levels += 1

    def _end(self, incident: _Incident, time_s: float, ended_s: float, reason: EndReason) -> IncidentStep:
        step = self._tell(incident, "ended", time_s, ended_s, reason)
        self._incident = None
        self._ended_s = time_s
        self._enter("calm", time_s)
        self._recent.clear()
        return step

    def _tell(
        self,
        incident: _Incident,
        phase: Phase,
        time_s: float,
        ended_s: float | None = None,
        reason: EndReason | None = None,
    ) -> IncidentStep:
        incident.sequence += 1
        incident.told_s = time_s
        return IncidentStep(
            incident=incident.id,
            sequence=incident.sequence,
            phase=phase,
            time_s=time_s,
            started_s=incident.started_s,
            ended_s=ended_s,
            probability=self._level,
            peak=incident.peak,
            mean=incident.total / incident.levels,
            reason=reason,
        )

"""When a camera is looked at: seldom while it is idle, more while it is awake, most while a verdict is waited for."""

from __future__ import annotations

from collections import deque

from builder.alarms.rule import ROUNDING_S, AlarmRule
from models.manifest import Geometry


class SamplePlan:
    """The instants of a camera's samples, from its first frame on. ``awake`` and ``hurried`` may be set at any time and
    take effect with the next frame; a sample needs frames from two gaps of the ``geometry`` before it on, so that what
    was planned by then stays. A camera that is awake is sampled at the rule's steady rate, and at its full one while it
    is ``hurried``."""

    def __init__(self, first_s: float, geometry: Geometry, rule: AlarmRule) -> None:
        self.awake = False
        self.hurried = False
        self._lead_s = 2 * geometry.frame_gap_s
        self._rule = rule
        self._steady_hz = max(min(rule.rate_hz, rule.steady_rate_hz or geometry.rate_hz), rule.least_hz)
        self._followed = (False, False)
        self._planned: deque[float] = deque()
        self._last_s = self._next_s = first_s + self._lead_s

    def offer(self, frame_s: float) -> tuple[float, ...]:
        """Take the next frame's time; the instants of the samples that are complete with it."""
        soonest_s = frame_s + self._lead_s
        self._follow(soonest_s)
        while self._next_s - self._lead_s <= frame_s:
            self._planned.append(self._next_s)
            self._last_s = self._next_s
            self._next_s += self._interval_s
        complete = []
        while self._planned and self._planned[0] <= frame_s + ROUNDING_S:
            complete.append(self._planned.popleft())
        return tuple(complete)

    @property
    def _interval_s(self) -> float:
        awake, hurried = self._followed
        if not awake:
            return self._rule.idle_interval_s
        return 1 / (self._rule.rate_hz if hurried else self._steady_hz)

    def _follow(self, soonest_s: float) -> None:
        awake, hurried = self._followed
        if self.hurried != hurried:
            self._followed = (awake, self.hurried)
            # A shorter interval counts at once, a longer one from the next sample on.
            self._next_s = min(self._next_s, max(self._last_s + self._interval_s, soonest_s))
        if self.awake != awake:
            self._followed = (self.awake, self.hurried)
            later_s = max(self._last_s + self._interval_s, soonest_s)
            self._next_s = min(self._next_s, soonest_s) if self.awake else later_s

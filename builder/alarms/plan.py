"""When a camera is looked at: seldom while it is idle, often while it is awake."""

from __future__ import annotations

from collections import deque

from builder.alarms.rule import ROUNDING_S, AlarmRule


class SamplePlan:
    """The instants of a camera's samples, from its first frame on. ``awake`` may be set at any time and takes effect
    with the next frame; a sample needs frames from two ``gap_s`` before it on, so that what was planned by then
    stays."""

    def __init__(self, first_s: float, gap_s: float, rule: AlarmRule) -> None:
        self.awake = False
        self._lead_s = 2 * gap_s
        self._interval_s = {False: rule.idle_interval_s, True: 1 / rule.rate_hz}
        self._followed = False
        self._planned: deque[float] = deque()
        self._last_s = self._next_s = first_s + self._lead_s

    def offer(self, frame_s: float) -> tuple[float, ...]:
        """Take the next frame's time; the instants of the samples that are complete with it."""
        soonest_s = frame_s + self._lead_s
        if self.awake != self._followed:
            self._followed = self.awake
            later_s = max(self._last_s + self._interval_s[False], soonest_s)
            self._next_s = min(self._next_s, soonest_s) if self.awake else later_s
        while self._next_s - self._lead_s <= frame_s:
            self._planned.append(self._next_s)
            self._last_s = self._next_s
            self._next_s += self._interval_s[self._followed]
        complete = []
        while self._planned and self._planned[0] <= frame_s + ROUNDING_S:
            complete.append(self._planned.popleft())
        return tuple(complete)

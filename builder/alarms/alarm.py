"""When a run of probabilities is an alarm."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from statistics import median

from builder.alarms.rule import ROUNDING_S, AlarmRule
from models.manifest import Thresholds


class Alarm:
    """One camera's alarm, probability by probability; it is ``active`` from when it is raised until it is over."""

    def __init__(self, thresholds: Thresholds, rule: AlarmRule) -> None:
        self.active = False
        self._thresholds = thresholds
        self._rule = rule
        self._recent: deque[tuple[float, float]] = deque(maxlen=rule.smoothing)
        self._since_s = math.nan

    def judge(self, time_s: float, probability: float) -> bool:
        """Take one probability, ``time_s`` rising from call to call; whether it raises the alarm."""
        self._recent.append((time_s, probability))
        while time_s - self._recent[0][0] > self._rule.smoothing_span_s:
            self._recent.popleft()
        if len(self._recent) < self._rule.smoothing:
            return False
        if not self._counts(median(height for _, height in self._recent)):
            self._since_s = math.nan
            return False
        if math.isnan(self._since_s):
            self._since_s = time_s
        held_s = self._rule.end_hold_s if self.active else self._rule.start_hold_s
        if time_s - self._since_s + ROUNDING_S < held_s:
            return False
        self._turn()
        return self.active

    def _counts(self, level: float) -> bool:
        return level < self._thresholds.clear if self.active else level >= self._thresholds.alert

    def _turn(self) -> None:
        self._since_s = math.nan
        self.active = not self.active
        if not self.active:
            # The agent forgets what came before an end: its next level needs new probabilities only.
            self._recent.clear()


def alarms(judged: Iterable[tuple[float, float]], thresholds: Thresholds, rule: AlarmRule) -> tuple[float, ...]:
    """The seconds at which alarms are raised by ``judged`` seconds and probabilities, in time."""
    alarm = Alarm(thresholds, rule)
    return tuple(time_s for time_s, probability in judged if alarm.judge(time_s, probability))

"""Films watched as the agent watches a camera that begins idle: it glances, wakes, looks, and falls idle again."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from builder.alarms.alarm import Alarm
from builder.alarms.film import JudgedFilm, Window
from builder.alarms.plan import SamplePlan
from builder.alarms.rule import AlarmRule
from models.manifest import Geometry, Thresholds
from models.window import pick_window


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """A film of ``seconds`` seconds, and when it raised alarms (``alarms_s``) and for how long the camera was awake
    (``awake_s``) under each of some thresholds, in their order."""

    name: str
    seconds: float
    awake_s: tuple[float, ...]
    alarms_s: tuple[tuple[float, ...], ...]


def watch_under_all(name: str, film: JudgedFilm, thresholds: Sequence[Thresholds], rule: AlarmRule) -> Watched:
    """Watch a film under each of ``thresholds``. Those with the same ``wake`` come with rising ``alert``, and none of
    these has ``clear`` below ``wake``."""
    found: list[Sight] = []
    for one, before in zip(thresholds, (None, *thresholds), strict=False):
        # A camera that no score brought to an alert threshold does the same under every higher one.
        again = before is not None and before.wake == one.wake and found[-1].highest < before.alert
        found.append(found[-1] if again else watch(film, one, rule))
    return Watched(
        name=name,
        seconds=float(film.times_s[-1]),
        awake_s=tuple(sight.awake_s for sight in found),
        alarms_s=tuple(sight.alarms_s for sight in found),
    )


class Sight(NamedTuple):
    """When alarms were raised, for how many seconds the camera was awake, and the highest probability of a window."""

    alarms_s: tuple[float, ...]
    awake_s: float
    highest: float


def watch(film: JudgedFilm, thresholds: Thresholds, rule: AlarmRule) -> Sight:
    """Watch a film of evenly spaced frames, at least ``rule.rate_hz`` of them a second."""
    plan = SamplePlan(float(film.times_s[0]), film.geometry, rule)
    attention, alarm = _Attention(thresholds, rule), Alarm(thresholds, rule)
    recent = _Recent(film.geometry, rule)
    raised: list[float] = []
    awake_s = last_s = highest = 0.0
    for frame_s in film.times_s.tolist():
        awake_s += frame_s - last_s if attention.awake else 0.0
        last_s = frame_s
        for instant_s in plan.offer(frame_s):
            probability = film.probability(recent.window(instant_s, film.sample(instant_s)))
            highest = max(highest, probability)
            if alarm.judge(instant_s, probability):
                raised.append(instant_s)
            plan.awake = attention.judge(instant_s, probability, busy=alarm.active)
            plan.hurried = probability >= thresholds.clear and not alarm.active
    return Sight(tuple(raised), awake_s, highest)


class _Attention:
    def __init__(self, thresholds: Thresholds, rule: AlarmRule) -> None:
        self.awake = False
        self._thresholds = thresholds
        self._calm = min(thresholds.clear, thresholds.wake)
        self._rule = rule
        self._calm_since_s: float | None = None
        self._doubtful = True

    def judge(self, time_s: float, probability: float, *, busy: bool) -> bool:
        if probability >= self._thresholds.wake:
            self.awake = True
        if probability >= self._thresholds.alert:
            self._doubtful = False
        if probability >= self._calm:
            self._calm_since_s = None
        elif self._calm_since_s is None:
            self._calm_since_s = time_s
        hold_s = self._rule.doubt_hold_s if self._doubtful else self._rule.calm_hold_s
        if self._calm_since_s is not None and time_s - self._calm_since_s >= hold_s and not busy:
            self.awake, self._doubtful = False, True
        return self.awake


class _Recent:
    """The newest samples of a camera that make a window: those of one dense stretch."""

    def __init__(self, geometry: Geometry, rule: AlarmRule) -> None:
        self._geometry = geometry
        self._largest_gap_s = rule.largest_gap_s
        self._span_s = (geometry.samples - 0.5) / geometry.rate_hz
        self._entries: deque[tuple[float, int]] = deque(maxlen=2 * geometry.samples + 2)

    def window(self, time_s: float, sample: int) -> Window:
        if self._entries and time_s - self._entries[-1][0] > self._largest_gap_s:
            self._entries.clear()
        self._entries.append((time_s, sample))
        while time_s - self._entries[0][0] > self._span_s:
            self._entries.popleft()
        times = np.array([entry[0] for entry in self._entries])
        return tuple(self._entries[index][1] for index in pick_window(times, self._geometry).tolist())

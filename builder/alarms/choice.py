"""Thresholds for a stated budget of false alarms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.alarms.rule import AlarmRule, alarms, levels
from builder.alarms.trace import Trace
from builder.errors import DataError
from builder.evaluation.intervals import wilson
from builder.evaluation.poisson import certainty, rate_interval
from builder.evaluation.scores import FIGHT
from builder.training.calibration import LOWEST_WAKE, WAKE_RECALL, sigmoid
from models.manifest import Interval, Thresholds

ALERTS = (*(round(0.5 + step / 100, 2) for step in range(50)), 0.995)
FEW = 0.5
"""A detector that misses more fights than it finds wants a word, whatever its silence is worth."""
SURE = 0.9
"""How sure the budget has to be kept: what raised just as many alarms as it allows breaks it as often as not."""


class AlarmPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One alert threshold: alarms of the calm streams, how sure they make it that the budget is kept (0 to 1), and the
    shares of fights and of calm clips that raise an alarm."""

    alert: float
    alarms: int
    certainty: float
    fights: float
    calm: float


class AlarmChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The thresholds chosen and why.

    ``budget_per_hour`` is what was asked for, ``certainty`` how sure the choice keeps it, and ``within`` whether that
    is sure enough; ``measured_per_hour`` is the plain rate of the file for ``target`` on ``hours`` of ``streams`` calm
    streams with its 95 % Poisson interval, ``fights`` the share of ``fight_clips`` held-out fights that raise an alarm
    with its Wilson interval, and ``calm`` that of ``calm_clips`` held-out calm ones.
    """

    thresholds: Thresholds
    target: str
    budget_per_hour: float
    within: bool
    streams: int
    hours: float
    alarms: int
    certainty: float
    measured_per_hour: Interval
    fight_clips: int
    fights: Interval
    calm_clips: int
    calm: Interval
    points: tuple[AlarmPoint, ...]

    def warning(self) -> str | None:
        """What a person should know before such a bundle ships, if anything."""
        if not self.within:
            return (
                f"no alert threshold is {SURE:.0%} sure to keep to {self.budget_per_hour:g} false alarms an hour: the "
                f"highest, {self.thresholds.alert:g}, raised {self.alarms} in {self.hours:.1f} hours; train on more "
                "calm clips like those streams, or measure on more of them"
            )
        if self.fights.value < FEW:
            return (
                f"{self.budget_per_hour:g} false alarms an hour cost most fights: at alert {self.thresholds.alert:g} "
                f"only {self.fights.value:.0%} of the held-out ones raise an alarm; better train again, or allow more"
            )
        return None

    def shown(self) -> tuple[AlarmPoint, ...]:
        """Every fifth point and the chosen one, for a table that is read."""
        return tuple(
            point for index, point in enumerate(self.points) if index % 5 == 0 or point.alert == self.thresholds.alert
        )


class _Judged(NamedTuple):
    """A trace's times and levels."""

    times_s: NDArray[np.float64]
    level: NDArray[np.float64]


def choose_alarms(
    streams: Sequence[Trace], clips: Sequence[Trace], target: str, budget_per_hour: float, rule: AlarmRule
) -> AlarmChoice:
    """Thresholds under which calm ``streams``, judged by the file for ``target``, make it sure that there are no more
    false alarms an hour than the budget, and as many fights of the held-out ``clips`` as then possible raise one.

    Of thresholds that find as many fights, the highest is taken; where none keeps the budget, the highest of all.
    ``wake`` lets 95 % of the fights' median glances through, and ``clear`` lies half-way from ``wake`` to ``alert``.
    Raises ``DataError`` without streams or without clips of both classes.
    """
    fights, calm = _of_both(streams, clips)
    wake = _wake(fights)
    hours = sum(stream.seconds for stream in streams) / 3600
    judged = [[_judge(one, rule) for one in part] for part in (streams, fights, calm)]
    points = [_point(_thresholds(wake, alert), judged, hours, budget_per_hour, rule) for alert in ALERTS]
    allowed = [point for point in points if point.certainty >= SURE]
    best = max(allowed, key=lambda point: (point.fights, point.alert)) if allowed else points[-1]
    return AlarmChoice(
        thresholds=_thresholds(wake, best.alert),
        target=target,
        budget_per_hour=budget_per_hour,
        within=bool(allowed),
        streams=len(streams),
        hours=hours,
        alarms=best.alarms,
        certainty=best.certainty,
        measured_per_hour=rate_interval(best.alarms, hours),
        fight_clips=len(fights),
        fights=wilson(round(best.fights * len(fights)), len(fights)),
        calm_clips=len(calm),
        calm=wilson(round(best.calm * len(calm)), len(calm)),
        points=tuple(points),
    )


def _of_both(streams: Sequence[Trace], clips: Sequence[Trace]) -> tuple[list[Trace], list[Trace]]:
    fights = [clip for clip in clips if clip.label == FIGHT]
    calm = [clip for clip in clips if clip.label != FIGHT]
    if not (streams and fights and calm):
        raise DataError(
            f"{len(streams)} calm streams, {len(fights)} fights and {len(calm)} calm clips to choose thresholds by; "
            "some of each are needed: give clips of more sources, or ask the recipe for fewer folds"
        )
    return fights, calm


def _wake(fights: Sequence[Trace]) -> float:
    glances = [float(np.median(sigmoid(np.array(clip.glances)))) for clip in fights]
    return max(float(np.quantile(glances, 1 - WAKE_RECALL)), LOWEST_WAKE)


def _thresholds(wake: float, alert: float) -> Thresholds:
    wake = min(wake, alert)
    return Thresholds(wake=round(wake, 3), alert=alert, clear=min(alert, round((wake + alert) / 2, 3)))


def _judge(one: Trace, rule: AlarmRule) -> _Judged:
    times = np.array(one.times_s)
    return _Judged(times, levels(times, sigmoid(np.array(one.log_odds)), rule))


def _point(
    thresholds: Thresholds, judged: Sequence[Sequence[_Judged]], hours: float, budget_per_hour: float, rule: AlarmRule
) -> AlarmPoint:
    streams, fights, calm = ([len(alarms(one.times_s, one.level, thresholds, rule)) for one in part] for part in judged)
    return AlarmPoint(
        alert=thresholds.alert,
        alarms=sum(streams),
        certainty=certainty(sum(streams), hours, budget_per_hour),
        fights=float(np.mean(np.array(fights) > 0)),
        calm=float(np.mean(np.array(calm) > 0)),
    )

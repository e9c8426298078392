"""Thresholds for a stated budget of false alarms."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

import msgspec
import numpy as np

from builder.alarms.alarm import alarms
from builder.alarms.rule import AlarmRule
from builder.alarms.trace import Judged, Trace
from builder.alarms.waking import WakeChoice
from builder.alarms.watching import Watched
from builder.errors import DataError
from builder.evaluation.intervals import wilson
from builder.evaluation.poisson import certainty, rate_interval
from builder.evaluation.scores import FIGHT
from builder.training.calibration import LOWEST_WAKE, WAKE_RECALL, sigmoid
from models.manifest import Interval, Thresholds

ALERTS = (*(round(0.5 + step / 100, 2) for step in range(50)), 0.995)
FEW = 0.5
"""A detector that misses more fights than it finds wants a word, whatever its silence is worth."""
SURE = 0.95
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
    streams with its 95 % Poisson interval, and ``awake`` the share of them that the camera was awake; ``fights`` is the
    share of ``fight_clips`` held-out fights that raise an alarm with its Wilson interval, and ``calm`` that of
    ``calm_clips`` held-out calm ones. ``points`` are as found with the wake threshold that lets most glances at fights
    through, and ``waking`` is there where a higher one was looked for.
    """

    thresholds: Thresholds
    target: str
    budget_per_hour: float
    within: bool
    streams: int
    hours: float
    awake: float
    alarms: int
    certainty: float
    measured_per_hour: Interval
    fight_clips: int
    fights: Interval
    calm_clips: int
    calm: Interval
    points: tuple[AlarmPoint, ...]
    waking: WakeChoice | None = None

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


def choose_wake(clips: Sequence[Trace]) -> float:
    """The wake threshold that lets 95 % of the fights' median glances through. Raises ``DataError``
    without clips of both classes."""
    glances = [float(np.median(sigmoid(np.array(fight.glances)))) for fight in _of_both(clips)[0]]
    return max(float(np.quantile(glances, 1 - WAKE_RECALL)), LOWEST_WAKE)


def candidates(wake: float) -> tuple[Thresholds, ...]:
    """All thresholds that may be chosen with a wake threshold, ``alert`` rising; ``clear`` lies half-way from ``wake``
    to it."""
    return tuple(_thresholds(wake, alert) for alert in ALERTS)


def choose_alarms(
    streams: Sequence[Watched],
    clips: Sequence[Trace],
    wake: float,
    target: str,
    budget_per_hour: float,
    rule: AlarmRule,
) -> AlarmChoice:
    """Thresholds under which calm ``streams``, watched under each of ``candidates(wake)`` by the file for ``target``,
    make it sure that there are no more false alarms an hour than the budget, and as many fights of the held-out
    ``clips`` as then possible raise one.

    Where none keeps the budget, the highest of all is taken. Raises ``DataError`` without streams or without clips of
    both classes.
    """
    if not streams:
        raise DataError("no calm stream to choose thresholds by: the recipe's [alarms] has to ask for one at least")
    fights, calm = _of_both(clips)
    seconds = sum(stream.seconds for stream in streams)
    judged = tuple([clip.judged() for clip in part] for part in (fights, calm))
    points = _points(_counts(streams), seconds / 3600, judged, candidates(wake), budget_per_hour, rule)
    best, within = _best(points)
    return AlarmChoice(
        thresholds=_thresholds(wake, best.alert),
        target=target,
        budget_per_hour=budget_per_hour,
        within=within,
        streams=len(streams),
        hours=seconds / 3600,
        awake=_awake(streams)[points.index(best)] / seconds,
        alarms=best.alarms,
        certainty=best.certainty,
        measured_per_hour=rate_interval(best.alarms, seconds / 3600),
        fight_clips=len(fights),
        fights=wilson(round(best.fights * len(fights)), len(fights)),
        calm_clips=len(calm),
        calm=wilson(round(best.calm * len(calm)), len(calm)),
        points=tuple(points),
    )


def with_budget(choice: AlarmChoice, budget_per_hour: float) -> AlarmChoice:
    """The choice for another budget, out of the same points: with the wake threshold that they were found with, which
    is looked for anew. ``awake`` stays that of the choice before."""
    sure = (certainty(point.alarms, choice.hours, budget_per_hour) for point in choice.points)
    points = tuple(
        msgspec.structs.replace(point, certainty=one) for point, one in zip(choice.points, sure, strict=True)
    )
    best, within = _best(points)
    wake = choice.thresholds.wake if choice.waking is None else choice.waking.points[0].wake
    return msgspec.structs.replace(
        choice,
        thresholds=_thresholds(wake, best.alert),
        budget_per_hour=budget_per_hour,
        within=within,
        alarms=best.alarms,
        certainty=best.certainty,
        measured_per_hour=rate_interval(best.alarms, choice.hours),
        fights=wilson(round(best.fights * choice.fight_clips), choice.fight_clips),
        calm=wilson(round(best.calm * choice.calm_clips), choice.calm_clips),
        points=points,
        waking=None,
    )


def with_wake(choice: AlarmChoice, waking: WakeChoice, streams: Sequence[Watched]) -> AlarmChoice:
    """The choice with the highest wake threshold up to which all that ``waking`` allows are as sure to keep the budget;
    ``streams`` were watched under each of these, from the one chosen before on.

    A camera that wakes seldom sees what woke it before anything else, and may raise more alarms for it. One after the
    other until the first that fails, they are as sure as one alone (as in ``choose_alarms``).
    """
    seconds, counts = sum(stream.seconds for stream in streams), _counts(streams)
    sure = [certainty(count, seconds / 3600, choice.budget_per_hour) for count in counts]
    place = sum(1 for _ in takewhile(lambda one: one >= min(SURE, choice.certainty), sure[1:]))
    wake, raised = waking.allowed[place], dict(zip(waking.allowed, counts, strict=True))
    points = tuple(msgspec.structs.replace(one, alarms=raised.get(one.wake)) for one in waking.points)
    return msgspec.structs.replace(
        choice,
        thresholds=msgspec.structs.replace(choice.thresholds, wake=wake),
        awake=_awake(streams)[place] / seconds,
        alarms=counts[place],
        certainty=sure[place],
        measured_per_hour=rate_interval(counts[place], seconds / 3600),
        waking=msgspec.structs.replace(waking, wake=wake, points=points),
    )


def _points(
    counts: Sequence[int],
    hours: float,
    clips: Sequence[Sequence[Judged]],
    offered: Sequence[Thresholds],
    budget_per_hour: float,
    rule: AlarmRule,
) -> list[AlarmPoint]:
    """What each of the thresholds ``offered`` does, of which the streams raised so many alarms, to fights and to calm
    clips."""
    fights, calm = clips
    return [
        AlarmPoint(
            alert=one.alert,
            alarms=count,
            certainty=certainty(count, hours, budget_per_hour),
            fights=_share(fights, one, rule),
            calm=_share(calm, one, rule),
        )
        for one, count in zip(offered, counts, strict=True)
    ]


def _best(points: Sequence[AlarmPoint]) -> tuple[AlarmPoint, bool]:
    """The point to take of those with ``alert`` rising, and whether it keeps the budget surely.

    They are tried from the highest down, and the first that does not keep the budget surely ends it: such a fixed
    sequence of tests is as sure as one of them, however many there are (Angelopoulos et al. 2021, "Learn then Test"),
    where the best of all that pass alone would not be. Of those that find as many fights, the highest is taken.
    """
    allowed = list(takewhile(lambda point: point.certainty >= SURE, reversed(points)))
    best = max(allowed, key=lambda point: (point.fights, point.alert)) if allowed else points[-1]
    return best, bool(allowed)


def _of_both(clips: Sequence[Trace]) -> tuple[list[Trace], list[Trace]]:
    fights = [clip for clip in clips if clip.label == FIGHT]
    calm = [clip for clip in clips if clip.label != FIGHT]
    if not (fights and calm):
        raise DataError(
            f"{len(fights)} fights and {len(calm)} calm clips to choose thresholds by; some of each are needed: give "
            "clips of more sources, or ask the recipe for fewer folds"
        )
    return fights, calm


def _thresholds(wake: float, alert: float) -> Thresholds:
    wake = min(wake, alert)
    return Thresholds(wake=round(wake, 3), alert=alert, clear=min(alert, round((wake + alert) / 2, 3)))


def _counts(streams: Sequence[Watched]) -> list[int]:
    """All alarms under each of the thresholds that the streams were watched under."""
    return [sum(map(len, raised)) for raised in zip(*(stream.alarms_s for stream in streams), strict=True)]


def _awake(streams: Sequence[Watched]) -> list[float]:
    """The seconds that cameras were awake under each of the same thresholds."""
    return [sum(awake_s) for awake_s in zip(*(stream.awake_s for stream in streams), strict=True)]


def _share(clips: Sequence[Judged], thresholds: Thresholds, rule: AlarmRule) -> float:
    """The share of clips that raise an alarm."""
    return float(np.mean([bool(alarms(judged, thresholds, rule)) for judged in clips]))

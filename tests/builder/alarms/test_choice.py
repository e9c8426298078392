from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
import pytest

from builder.alarms.alarm import alarms
from builder.alarms.choice import ALERTS, SURE, candidates, choose_alarms, choose_wake, with_budget, with_wake
from builder.alarms.rule import AlarmRule
from builder.alarms.trace import Trace
from builder.alarms.waking import WakeChoice, WakePoint
from builder.alarms.watching import Watched
from builder.errors import DataError
from builder.evaluation.poisson import certainty
from builder.training.calibration import LOWEST_WAKE

TARGET = "cpu-tflite-int8"
RULE = AlarmRule()


def log_odds(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def make(label: Literal[0, 1], seconds: float, *bursts: tuple[float, float], glance: float = 0.5) -> Trace:
    """A trace that is calm but for a second from each burst's start at its probability."""
    times = np.arange(round(seconds * 10)) / 10
    heights = np.full(len(times), 0.05)
    for start, height in bursts:
        heights[(times >= start) & (times < start + 1.0)] = height
    odds = tuple(log_odds(height) for height in heights)
    glances = tuple([log_odds(glance)] * len(times))
    return Trace(name="x", label=label, seconds=seconds, times_s=tuple(times.tolist()), log_odds=odds, glances=glances)


def watched(*streams: Trace, wake: float = 0.5) -> list[Watched]:
    """The same streams, judged all the time, of which the camera was awake for 30 %."""
    return [
        Watched(
            name=one.name,
            seconds=one.seconds,
            awake_s=(0.3 * one.seconds,) * len(candidates(wake)),
            alarms_s=tuple(alarms(one.judged(), thresholds, RULE) for thresholds in candidates(wake)),
        )
        for one in streams
    ]


HALF_HOUR = watched(make(0, 900.0, (100.0, 0.62), (300.0, 0.74)), make(0, 900.0, (500.0, 0.805)))
FIGHTS = [make(1, 3.0, (1.0, height)) for height in (0.66, 0.7, 0.78, 0.83, 0.9)]
CALM = [make(0, 3.0), make(0, 3.0, (1.0, 0.88))]


@pytest.mark.parametrize(
    ("budget", "alert", "alarm_count", "fights"),
    # After half an hour a budget is 95 % sure from 6.0 an hour on with no alarm, 9.5 with one and 12.6 with two.
    [(6.0, 0.83, 0, 0.4), (9.5, 0.78, 1, 0.6), (12.0, 0.78, 1, 0.6), (13.0, 0.66, 2, 1.0)],
)
def test_the_threshold_finds_most_fights_that_the_budget_allows(
    budget: float, alert: float, alarm_count: int, fights: float
) -> None:
    found = choose_alarms(HALF_HOUR, [*FIGHTS, *CALM], 0.5, TARGET, budget, RULE)
    assert found.within
    assert (found.thresholds.alert, found.alarms) == (alert, alarm_count)
    assert found.fights.value == pytest.approx(fights)
    assert found.certainty == certainty(alarm_count, 0.5, budget)
    assert found.certainty >= SURE
    assert found.target == TARGET
    assert found.measured_per_hour.value == alarm_count / 0.5
    assert (found.streams, found.hours, found.fight_clips, found.calm_clips) == (2, 0.5, 5, 2)
    assert found.calm.value == 0.5
    assert found.awake == pytest.approx(0.3)
    assert [point.alert for point in found.points] == list(ALERTS)


def test_the_highest_threshold_is_taken_and_said_to_fail_when_none_keeps_the_budget() -> None:
    wild = watched(make(0, 1800.0, (10.0, 0.999), (100.0, 0.999)))
    found = choose_alarms(wild, [*FIGHTS, *CALM], 0.5, TARGET, 1.0, RULE)
    assert (found.within, found.thresholds.alert, found.alarms) == (False, ALERTS[-1], 2)


def test_no_threshold_below_one_that_breaks_the_budget_is_taken_though_it_keeps_it() -> None:
    """A fight-like minute that never falls below a lower ``clear`` is one alarm there, and several above."""
    raised = [(1.0,) if alert < 0.7 else (1.0, 40.0, 80.0) if alert < 0.8 else () for alert in ALERTS]
    stream = Watched(name="x", seconds=1800.0, awake_s=(0.0,) * len(raised), alarms_s=tuple(raised))
    found = choose_alarms([stream], [*FIGHTS, *CALM], 0.5, TARGET, 9.5, RULE)
    assert found.points[0].certainty >= SURE
    assert (found.thresholds.alert, found.alarms) == (0.83, 0)


@pytest.mark.parametrize(
    ("budget", "told"),
    [(6.0, "only 40% of the held-out ones"), (9.5, None), (5.9, "the highest, 0.995, raised 0 in 0.5 hours")],
)
def test_a_warning_is_given_when_the_budget_is_broken_or_costs_most_fights(budget: float, told: str | None) -> None:
    warning = choose_alarms(HALF_HOUR, [*FIGHTS, *CALM], 0.5, TARGET, budget, RULE).warning()
    assert warning is None if told is None else told in str(warning)


@pytest.mark.parametrize(("glances", "wake"), [([0.4] * 20, 0.4), ([0.001] * 20, LOWEST_WAKE), ([0.97] * 20, 0.97)])
def test_nineteen_fights_of_twenty_wake_at_a_glance(glances: list[float], wake: float) -> None:
    fights = [make(1, 3.0, (1.0, 0.5), glance=glance) for glance in glances]
    assert choose_wake([*fights, *CALM]) == pytest.approx(wake, abs=1e-3)


@pytest.mark.parametrize("wake", [0.05, 0.4, 0.97])
def test_wake_is_never_above_clear_nor_clear_above_alert(wake: float) -> None:
    offered = candidates(wake)
    assert [one.alert for one in offered] == list(ALERTS)
    assert all(one.wake <= one.clear <= one.alert for one in offered)
    assert {one.wake for one in offered} == {min(wake, alert) for alert in ALERTS}


def test_one_clear_error_without_streams() -> None:
    with pytest.raises(DataError, match="no calm stream"):
        choose_alarms([], [*FIGHTS, *CALM], 0.5, TARGET, 1.0, RULE)


@pytest.mark.parametrize("clips", [FIGHTS, CALM], ids=["fights", "calm"])
def test_one_clear_error_without_clips_of_both_kinds(clips: list[Trace]) -> None:
    with pytest.raises(DataError, match="some of each are needed"):
        choose_wake(clips)
    with pytest.raises(DataError, match="some of each are needed"):
        choose_alarms(HALF_HOUR, clips, 0.5, TARGET, 1.0, RULE)


@pytest.mark.parametrize("budget", [6.0, 9.5, 13.0, 0.1])
def test_another_budget_out_of_the_same_points_is_as_if_it_had_been_asked_for(budget: float) -> None:
    asked = choose_alarms(HALF_HOUR, [*FIGHTS, *CALM], 0.5, TARGET, budget, RULE)
    before = choose_alarms(HALF_HOUR, [*FIGHTS, *CALM], 0.5, TARGET, 9.5, RULE)
    assert with_budget(before, budget) == asked
    # A wake threshold that was raised for another alert threshold is looked for anew.
    points = (WakePoint(wake=0.5, told=3, later_s=0.0), WakePoint(wake=0.6, told=3, later_s=0.0))
    raised = msgspec.structs.replace(
        before,
        thresholds=msgspec.structs.replace(before.thresholds, wake=0.6),
        waking=WakeChoice(wake=0.6, fights=4, always=3, points=points),
    )
    assert with_budget(raised, budget) == asked


@pytest.mark.parametrize(
    ("counts", "wake", "told"),
    [
        ((1, 1, 1, 0), 0.8, (1, None, 1, 1, 0)),
        # One that keeps the budget after one that does not may be luck.
        ((1, 1, 2, 0), 0.6, (1, None, 1, 2, 0)),
        ((1, 2, 1, 1), 0.5, (1, None, 2, 1, 1)),
    ],
)
def test_the_wake_threshold_rises_as_long_as_the_budget_is_kept(
    counts: tuple[int, ...], wake: float, told: tuple[int | None, ...]
) -> None:
    chosen = choose_alarms(HALF_HOUR, [*FIGHTS, *CALM], 0.5, TARGET, 9.5, RULE)
    points = [
        WakePoint(wake=at, told=told, later_s=0.0) for at, told in ((0.5, 9), (0.55, 8), (0.6, 9), (0.7, 9), (0.8, 9))
    ]
    waking = WakeChoice(wake=0.8, fights=10, always=9, points=tuple(points))
    assert waking.allowed == (0.5, 0.6, 0.7, 0.8)
    raised = tuple(tuple(100.0 * number for number in range(count)) for count in counts)
    stream = Watched(name="x", seconds=1800.0, awake_s=(900.0, 450.0, 360.0, 180.0), alarms_s=raised)
    found = with_wake(chosen, waking, [stream])
    assert found.thresholds == msgspec.structs.replace(chosen.thresholds, wake=wake)
    place = waking.allowed.index(wake)
    assert (found.alarms, found.awake) == (counts[place], stream.awake_s[place] / 1800)
    assert found.certainty == pytest.approx(certainty(counts[place], 0.5, 9.5))
    assert found.waking is not None
    assert (found.waking.wake, found.waking.told) == (wake, 9)
    assert tuple(one.alarms for one in found.waking.points) == told
    assert found.points == chosen.points

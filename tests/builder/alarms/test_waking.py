from __future__ import annotations

import math

import pytest

from builder.alarms.waking import ALWAYS_AWAKE, KEPT, choose_waking, offer_wakes
from builder.alarms.watching import Watched
from models.manifest import Thresholds
from scenes import Interval

CHOSEN = Thresholds(wake=0.27, alert=0.9, clear=0.6)
FIGHT = Interval(10.0, 20.0)


def watched(*delays_s: float | None) -> Watched:
    """A stream whose fight was told of after so many seconds, under one threshold after the other."""
    alarms = tuple(() if delay is None else (FIGHT.start_s + delay,) for delay in delays_s)
    return Watched(name="film", seconds=30.0, awake_s=(0.0,) * len(alarms), alarms_s=alarms)


def test_wake_thresholds_are_offered_from_the_chosen_one_up_to_alert_and_nothing_else_changes() -> None:
    always, first, *higher = offer_wakes(CHOSEN)
    assert always == Thresholds(wake=ALWAYS_AWAKE, alert=0.9, clear=0.6)
    assert first == CHOSEN
    assert [one.wake for one in higher] == pytest.approx([0.3 + step / 20 for step in range(13)])
    assert {(one.alert, one.clear) for one in higher} == {(0.9, 0.6)}


THREE = (
    Thresholds(wake=ALWAYS_AWAKE, alert=0.9, clear=0.6),
    CHOSEN,
    Thresholds(wake=0.5, alert=0.9, clear=0.6),
    Thresholds(wake=0.7, alert=0.9, clear=0.6),
)


@pytest.mark.parametrize(
    ("last", "wake", "told", "later_s"),
    [
        # As soon, a little later, much later, not told of at all.
        (1.0, 0.7, 2, 0.0),
        (1.1, 0.7, 2, 0.05),
        (1.5, 0.5, 2, 0.25),
        (None, 0.5, 1, 0.0),
    ],
)
def test_the_highest_is_chosen_that_misses_nothing_and_waits_for_nothing(
    last: float | None, wake: float, told: int, later_s: float
) -> None:
    streams = [watched(2.0, 2.0, 2.0, 2.0), watched(1.0, 1.0, 1.0, last), watched(None, None, None, None)]
    choice = choose_waking(THREE, streams, [FIGHT] * 3)
    assert (choice.wake, choice.fights, choice.always) == (wake, 3, 2)
    assert (choice.points[-1].told, choice.points[-1].later_s) == (told, pytest.approx(later_s))


def test_a_share_may_be_lost_and_no_more() -> None:
    enough = math.ceil(KEPT * 100)
    for lost, wake in ((100 - enough, 0.7), (101 - enough, 0.27)):
        streams = [
            watched(1.0, 1.0, 1.0 if index >= lost else None, 1.0 if index >= lost else None) for index in range(100)
        ]
        assert choose_waking(THREE, streams, [FIGHT] * 100).wake == wake


def test_alarms_before_and_long_after_a_fight_are_not_its_own() -> None:
    streams = [watched(-3.0, -3.0, -3.0, -3.0), watched(11.5, 11.5, 11.5, 11.5), watched(10.5, 10.5, 10.5, None)]
    choice = choose_waking(THREE, streams, [FIGHT] * 3)
    assert (choice.always, choice.wake) == (1, 0.5)


def test_where_nothing_is_told_of_the_threshold_stays() -> None:
    assert choose_waking(THREE, [watched(None, None, None, None)], [FIGHT]).wake == CHOSEN.wake

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sources.lag import Lag

FPS = 15.0


def read(lag: Lag, seconds: float, *, start_s: float = 0.0, speed: float = 1.0, waited_s: float = 0.06) -> list[bool]:
    """A stream read at ``speed`` times the pace at which it comes, from the moment ``start_s`` of both clocks on."""
    media = start_s + np.arange(round(seconds * FPS)) / FPS
    return [
        lag.follow(float(time_s), float(start_s + (time_s - start_s) / speed), waited_s if speed > 0.99 else 0.0)
        for time_s in media
    ]


def test_a_stream_read_as_it_comes_is_not_behind() -> None:
    assert not any(read(Lag(), 200.0))


def test_a_stream_decoded_too_slowly_is_behind_after_a_second() -> None:
    behind = read(Lag(), 20.0, speed=0.8)
    assert behind.index(True) / FPS == pytest.approx(4.0, abs=0.2)


def test_a_stream_is_behind_no_more_once_it_has_caught_up() -> None:
    lag = Lag()
    assert read(lag, 8.0, speed=0.8)[-1]
    caught_up = [lag.follow(8.0 + index / FPS, 10.0 + index * 0.001, 0.0) for index in range(40)]
    assert caught_up[0]
    assert not caught_up[-1]
    assert caught_up.index(False) == pytest.approx(1.7 * FPS, abs=2)


def test_uneven_arrival_is_no_lag() -> None:
    random = np.random.default_rng(3)
    lag, late = Lag(), random.uniform(0, 0.8, 600)
    assert not any(lag.follow(index / FPS, index / FPS + float(one), 0.02) for index, one in enumerate(late))


def test_a_clock_that_was_set_back_is_forgotten_when_packets_are_waited_for() -> None:
    lag = Lag()
    read(lag, 60.0)
    behind = [lag.follow(10.0 + index / FPS, 60.0 + index / FPS, 0.06) for index in range(60)]
    assert sum(behind) <= 3
    assert not any(behind[3:])


def test_a_clock_at_half_speed_is_no_lag_when_packets_are_waited_for() -> None:
    lag = Lag()
    assert not any(lag.follow(index / FPS / 2, index / FPS, 0.06) for index in range(600))


def test_a_clock_that_drifts_is_no_lag() -> None:
    assert not any(read(Lag(), 3600.0, speed=0.9999))


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0, 3), st.floats(0, 1)), max_size=200))
def test_a_packet_that_is_as_soon_as_the_soonest_is_never_behind(steps: list[tuple[float, float, float]]) -> None:
    lag, media_s, now_s, soonest_s = Lag(), 0.0, 0.0, float("inf")
    for media_step_s, step_s, waited_s in steps:
        media_s, now_s = media_s + media_step_s, now_s + step_s
        behind = lag.follow(media_s, now_s, waited_s)
        if now_s - media_s <= soonest_s:
            soonest_s = now_s - media_s
            assert not behind


def test_late_s_tells_how_long_ago_a_picture_came() -> None:
    lag = Lag()
    assert lag.late_s(5.0, 100.0) == 0.0
    read(lag, 10.0)
    assert lag.late_s(9.5, 9.5) == pytest.approx(0.0)
    assert lag.late_s(9.0, 9.75) == pytest.approx(0.75)

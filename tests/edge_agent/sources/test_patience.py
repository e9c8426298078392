from __future__ import annotations

import pytest

from edge_agent.sources.patience import MOST_S, Patience

FPS = 15


def spare(size: int, pictures: int = 5 * FPS) -> list[float]:
    """What is said after each picture of a stream whose packets are of ``size`` bytes."""
    patience = Patience()
    return [patience.follow(number / FPS, size) for number in range(pictures)]


def test_a_stream_may_be_left_unread_until_48_kib_have_come() -> None:
    assert spare(16_384)[-1] == pytest.approx(3 / FPS, rel=0.1)
    assert spare(100)[-1] == MOST_S
    assert spare(1_000_000)[-1] < 0.01


def test_nothing_is_spared_before_a_streams_pace_is_known() -> None:
    assert not any(spare(1000)[:FPS])
    assert all(spare(1000)[2 * FPS :])


def test_a_pace_that_rises_shortens_the_rest_within_seconds() -> None:
    patience = Patience()
    for number in range(60 * FPS):
        patience.follow(number / FPS, 1000)
    risen = [patience.follow((60 * FPS + number) / FPS, 32_768) for number in range(10 * FPS)]
    assert risen[0] == MOST_S
    assert risen[5 * FPS] < 2 * 1.5 / FPS


def test_what_came_during_a_rest_is_read_before_the_next() -> None:
    patience = Patience()
    for number in range(5 * FPS):
        spare_s = patience.follow(number / FPS, 1000)
    patience.rested(spare_s)
    later = [patience.follow((5 * FPS + number) / FPS, 1000) for number in range(FPS)]
    waiting = round(spare_s * FPS) - 1
    assert not any(later[: waiting - 1])
    assert all(later[waiting + 1 :])


def test_pictures_that_come_out_of_order_are_counted_as_those_that_do_not() -> None:
    patience = Patience()
    shown = [number + (2, -1, -1)[number % 3] for number in range(10 * FPS)]
    told = [patience.follow(number / FPS, 16_384) for number in shown]
    assert told[-1] == pytest.approx(3 / FPS, rel=0.15)
    assert all(told[2 * FPS :])


@pytest.mark.parametrize("jump_s", [-60.0, 3600.0])
def test_a_clock_that_jumps_makes_it_begin_anew(jump_s: float) -> None:
    patience = Patience()
    for number in range(5 * FPS):
        patience.follow(number / FPS, 1000)
    patience.rested(MOST_S)
    after = [patience.follow(jump_s + 5 + number / FPS, 1000) for number in range(2 * FPS)]
    assert not any(after[:FPS])
    assert after[-1] == MOST_S

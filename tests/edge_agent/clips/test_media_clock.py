from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.clips.media_clock import MediaClock

MILLI = Fraction(1, 1000)
Stamp = st.one_of(st.none(), st.integers(-(10**6), 10**9))


def test_timestamps_of_one_stream_stay_as_they_are() -> None:
    clock = MediaClock(MILLI)
    assert [clock.follow(pts, dts, 0.0) for pts, dts in [(80, 0), (200, 40), (120, 80)]] == [
        (80, 0),
        (200, 40),
        (120, 80),
    ]


@pytest.mark.parametrize("known", [0, 3, 8])
def test_decoding_times_that_were_not_sent_are_no_later_than_their_pictures(known: int) -> None:
    """Pictures are sent as they are decoded, every 60 ms, each third before the two that it is shown after."""
    clock = MediaClock(MILLI)
    shown = [0, 180, 60, 120, 360, 240, 300, 540, 420, 480]
    decoded = [max(-60, 60 * index - 60) if index >= known else None for index in range(10)]
    told = [clock.follow(pts, dts, 0.06 * index) for index, (pts, dts) in enumerate(zip(shown, decoded, strict=True))]
    assert [pts for pts, _ in told] == shown
    assert all(dts <= pts for pts, dts in told)


def test_time_goes_on_by_what_passed_when_a_stream_begins_anew() -> None:
    clock = MediaClock(MILLI)
    clock.follow(0, 0, 10.0)
    clock.follow(100, 100, 10.1)
    clock.begin()
    assert clock.follow(90_050, 90_000, 13.1) == (3150, 3100)
    assert clock.follow(90_150, 90_100, 13.2) == (3250, 3200)


@pytest.mark.parametrize(("jumped", "passed_s"), [(900_000, 0.2), (-900_000, 0.2), (50_000, 39.0)])
def test_time_goes_on_by_what_passed_when_the_streams_clock_jumps(jumped: int, passed_s: float) -> None:
    clock = MediaClock(MILLI)
    clock.follow(0, 0, 0.0)
    clock.follow(100, 100, 0.1)
    assert clock.follow(jumped, jumped, 0.1 + passed_s)[1] == 100 + round(1000 * passed_s)


def test_a_stream_that_paused_as_long_as_it_says_has_not_jumped() -> None:
    clock = MediaClock(MILLI)
    clock.follow(0, 0, 0.0)
    assert clock.follow(45_000, 45_000, 40.0) == (45_000, 45_000)


def test_a_source_instant_is_found_in_each_stream() -> None:
    clock = MediaClock(MILLI)
    clock.follow(5_000, 5_000, 0.0)
    clock.place(5.0)
    assert clock.of_source(2.0) == pytest.approx(7.0)
    clock.begin()
    clock.follow(700, 700, 3.0)
    # Until the new stream shows its first picture, what is told still is of the old one.
    assert clock.of_source(2.0) == pytest.approx(7.0)
    clock.place(0.7)
    assert clock.of_source(0.0) == pytest.approx(8.0)
    clock.follow(90_000_000, 90_000_000, 4.0)
    assert clock.of_source(89_999.3) == pytest.approx(9.0)


@given(st.lists(st.tuples(Stamp, Stamp, st.floats(0, 30), st.booleans()), max_size=30))
def test_decoding_times_never_fall(packets: list[tuple[int | None, int | None, float, bool]]) -> None:
    clock = MediaClock(MILLI)
    now_s, told = 0.0, []
    for pts, dts, passed_s, anew in packets:
        now_s += passed_s
        if anew:
            clock.begin()
        told.append(clock.follow(pts, dts, now_s)[1])
    assert told == sorted(told)

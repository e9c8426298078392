from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.training.temporal import TemporalAugmentation, see_frames

TIMES = np.arange(75) / 25


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(st.integers(2, 60), st.floats(0, 0.99), st.floats(0, 60), st.floats(0.5, 2), st.integers(0, 99))
def test_frames_come_in_order_from_the_clip_whatever_is_left_out(
    count: int, drop: float, lowest: float, speed: float, seed: int
) -> None:
    times = np.cumsum(np.random.default_rng(1).uniform(0.02, 0.08, count))
    seen = see_frames(times - times[0], TemporalAugmentation(drop=drop, lowest_rate_hz=lowest), speed, generator(seed))
    assert 2 <= len(seen.frames) == len(seen.times_s) <= count
    assert (np.diff(seen.times_s) > 0).all()
    assert (np.diff(seen.frames) >= 0).all()
    assert seen.frames[0] == 0
    # What is shown is never of a later moment than when it is shown.
    assert ((times - times[0])[seen.frames] <= seen.times_s).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_dropped_frame_repeats_its_predecessor_at_its_own_time(seed: int) -> None:
    seen = see_frames(TIMES, TemporalAugmentation(drop=0.6), 1.0, generator(seed))
    np.testing.assert_array_equal(seen.times_s, TIMES)
    kept = seen.frames == np.arange(75)
    for place in np.flatnonzero(~kept):
        assert seen.frames[place] == seen.frames[place - 1]


def test_the_share_of_dropped_frames_is_drawn_up_to_what_is_asked() -> None:
    dropped = [
        np.mean(see_frames(TIMES, TemporalAugmentation(drop=0.5), 1.0, generator(seed)).frames != np.arange(75))
        for seed in range(200)
    ]
    assert np.mean(dropped) == pytest.approx(0.25, abs=0.04)
    assert min(dropped) < 0.05
    assert 0.4 < max(dropped) < 0.7


@pytest.mark.parametrize(("lowest", "speed", "fewest", "most"), [(5, 1.0, 5, 25), (12, 1.0, 12, 25), (5, 0.5, 10, 25)])
def test_a_clip_is_seen_at_rates_from_the_lowest_to_its_own(
    lowest: float, speed: float, fewest: float, most: float
) -> None:
    temporal = TemporalAugmentation(lowest_rate_hz=lowest)
    seen = [see_frames(TIMES, temporal, speed, generator(seed)) for seed in range(100)]
    rates = [(len(one.frames) - 1) / (one.times_s[-1] - one.times_s[0]) for one in seen]
    assert min(rates) == pytest.approx(fewest, rel=0.2)
    assert max(rates) == pytest.approx(most, rel=0.05)
    # An even camera: intervals differ by no more than one frame of the clip's.
    assert all(np.ptp(np.diff(one.frames)) <= 1 for one in seen)
    np.testing.assert_allclose(seen[0].times_s, TIMES[seen[0].frames])


@pytest.mark.parametrize("lowest", [25.0, 30.0, 1000.0])
def test_a_clip_keeps_all_its_frames_when_it_has_no_more_than_the_lowest_rate(lowest: float) -> None:
    seen = see_frames(TIMES, TemporalAugmentation(lowest_rate_hz=lowest), 1.0, generator(0))
    np.testing.assert_array_equal(seen.frames, np.arange(75))


def test_dropping_frames_leaves_the_drawn_rate_as_it_is() -> None:
    alone = see_frames(TIMES, TemporalAugmentation(lowest_rate_hz=6), 1.0, generator(3))
    both = see_frames(TIMES, TemporalAugmentation(lowest_rate_hz=6, drop=0.5), 1.0, generator(3))
    np.testing.assert_array_equal(alone.times_s, both.times_s)


@pytest.mark.parametrize("given_", [{"drop": 1.0}, {"drop": -0.1}, {"lowest_rate_hz": -1}, {"rate": 3}])
def test_one_clear_error_when_a_key_is_wrong(given_: dict[str, float]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(given_, TemporalAugmentation)

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.manifest import Geometry
from models.window import pick_padded_window, pick_window

GEOMETRY = Geometry(samples=4, rate_hz=10.0, frame_gap_s=0.1)


@pytest.mark.parametrize(
    ("times", "picked", "padded"),
    [
        ([5.0], [0, 0, 0, 0], [0, 0, 0, 0]),
        ([5.0, 5.1], [0, 0, 1, 1], [0, 0, 0, 1]),
        ([5.0, 5.1, 5.2], [0, 1, 1, 2], [0, 0, 1, 2]),
        ([5.0, 5.1, 5.2, 5.3], [0, 1, 2, 3], [0, 1, 2, 3]),
        ([4.8, 4.9, 5.0, 5.1, 5.2, 5.3], [2, 3, 4, 5], [2, 3, 4, 5]),
        ([5.0, 5.05, 5.1, 5.15, 5.2, 5.25, 5.3], [0, 2, 4, 6], [0, 2, 4, 6]),
        ([5.0, 5.05, 5.1, 5.15], [0, 1, 2, 3], [0, 0, 1, 3]),
        ([5.0, 5.28, 5.3], [0, 0, 1, 2], [0, 0, 1, 2]),
        ([1.0, 3.0, 5.0], [2, 2, 2, 2], [2, 2, 2, 2]),
        ([5.0, 5.12, 5.19, 5.31], [0, 1, 2, 3], [0, 1, 2, 3]),
        ([0.0, 0.3], [0, 0, 1, 1], [0, 0, 1, 1]),
    ],
)
def test_the_nearest_are_picked_when_samples_are_irregular_or_few(
    times: list[float], picked: list[int], padded: list[int]
) -> None:
    assert pick_window(np.array(times), GEOMETRY).tolist() == picked
    assert pick_padded_window(np.array(times), GEOMETRY).tolist() == padded


stretches = st.lists(st.floats(0.001, 3.0), min_size=1, max_size=30)
rates = st.sampled_from([1.0, 5.0, 10.0, 12.5])


@given(stretches, st.integers(1, 40), rates)
def test_a_padded_window_is_in_order_and_ends_at_the_newest_when_times_are_any(
    steps: list[float], samples: int, rate: float
) -> None:
    times = np.cumsum(steps)
    picked = pick_padded_window(times, Geometry(samples=samples, rate_hz=rate, frame_gap_s=0.1))
    assert picked.shape == (samples,)
    assert picked[-1] == len(times) - 1
    assert (np.diff(picked) >= 0).all()
    wanted = times[-1] - np.arange(samples - 1, -1, -1) / rate
    nearest = np.abs(times[None] - wanted[:, None]).min(axis=1)
    np.testing.assert_allclose(np.abs(times[picked] - wanted), nearest, atol=1e-9)


@given(stretches, st.integers(1, 40), rates)
def test_a_window_is_that_of_a_clip_unless_the_stretch_is_shorter(
    steps: list[float], samples: int, rate: float
) -> None:
    times, geometry = np.cumsum(steps), Geometry(samples=samples, rate_hz=rate, frame_gap_s=0.1)
    picked = pick_window(times, geometry)
    assert picked.shape == (samples,)
    assert picked[-1] == len(times) - 1
    assert (np.diff(picked) >= 0).all()
    if times[-1] - times[0] >= (samples - 1) / rate:
        assert (picked == pick_padded_window(times, geometry)).all()


@given(st.integers(1, 8))
def test_no_sample_of_a_short_stretch_counts_for_more_than_another(there: int) -> None:
    picked = pick_window(np.arange(there) / 5, Geometry(samples=8, rate_hz=5.0, frame_gap_s=0.1))
    counts = np.bincount(picked, minlength=there)
    assert counts.min() >= 1
    assert counts.max() - counts.min() <= 2

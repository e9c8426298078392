from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.manifest import Geometry
from models.window import pick_window

GEOMETRY = Geometry(samples=4, rate_hz=10.0, frame_gap_s=0.1)


@pytest.mark.parametrize(
    ("times", "picked"),
    [
        ([5.0], [0, 0, 0, 0]),
        ([5.0, 5.1], [0, 0, 0, 1]),
        ([5.0, 5.1, 5.2, 5.3], [0, 1, 2, 3]),
        ([4.8, 4.9, 5.0, 5.1, 5.2, 5.3], [2, 3, 4, 5]),
        ([5.0, 5.05, 5.1, 5.15, 5.2, 5.25, 5.3], [0, 2, 4, 6]),
        ([5.0, 5.28, 5.3], [0, 0, 1, 2]),
        ([1.0, 3.0, 5.0], [2, 2, 2, 2]),
        ([5.0, 5.12, 5.19, 5.31], [0, 1, 2, 3]),
        ([0.0, 0.3], [0, 0, 1, 1]),
    ],
)
def test_pick_window_takes_the_nearest_when_samples_are_irregular(times: list[float], picked: list[int]) -> None:
    assert pick_window(np.array(times), GEOMETRY).tolist() == picked


@given(
    st.lists(st.floats(0.001, 3.0), min_size=1, max_size=30),
    st.integers(1, 40),
    st.sampled_from([1.0, 5.0, 10.0, 12.5]),
)
def test_pick_window_is_in_order_and_ends_at_the_newest_when_times_are_any(
    steps: list[float], samples: int, rate: float
) -> None:
    times = np.cumsum(steps)
    picked = pick_window(times, Geometry(samples=samples, rate_hz=rate, frame_gap_s=0.1))
    assert picked.shape == (samples,)
    assert picked[-1] == len(times) - 1
    assert (np.diff(picked) >= 0).all()
    wanted = times[-1] - np.arange(samples - 1, -1, -1) / rate
    nearest = np.abs(times[None] - wanted[:, None]).min(axis=1)
    np.testing.assert_allclose(np.abs(times[picked] - wanted), nearest, atol=1e-9)

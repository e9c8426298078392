from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.ring import EmbeddingRing
from models.manifest import Geometry

GEOMETRY = Geometry(samples=4, rate_hz=10.0, frame_gap_s=0.1)


def window(entries: list[tuple[float, int]]) -> list[float]:
    """The times whose embeddings make the window after these (time, run) entries."""
    ring = EmbeddingRing(GEOMETRY, 1.0)
    for time_s, run in entries:
        picked = ring.append(time_s, run, np.full(3, time_s, np.float32))
    return [round(float(value), 3) for value in picked[:, 0]]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param([(5.0, 1)], [5.0] * 4, id="glance"),
        pytest.param([(5.0, 1), (7.0, 1)], [7.0] * 4, id="glance-before-is-another-scene"),
        pytest.param([(5.0, 1), (5.1, 1)], [5.0, 5.0, 5.1, 5.1], id="short-window-is-spread"),
        pytest.param([(5 + i / 10, 1) for i in range(9)], [5.5, 5.6, 5.7, 5.8], id="full"),
        pytest.param([(5 + i / 20, 1) for i in range(19)], [5.6, 5.7, 5.8, 5.9], id="denser-than-needed"),
        pytest.param([(5.0, 1), (5.1, 1), (5.2, 2)], [5.2] * 4, id="break"),
        pytest.param([(5.0, 1), (5.1, 1), (5.2, 1), (6.3, 1)], [6.3] * 4, id="pause"),
        pytest.param([(5.0, 1), (5.3, 1), (5.4, 1)], [5.3, 5.3, 5.4, 5.4], id="older-than-window"),
        pytest.param([(5.0, 1), (4.0, 1)], [4.0] * 4, id="back-in-time"),
    ],
)
def test_append_gives_window_of_one_scene_when_time_moves(
    entries: list[tuple[float, int]], expected: list[float]
) -> None:
    assert window(entries) == expected


@given(st.lists(st.tuples(st.floats(0.01, 3), st.booleans()), min_size=1, max_size=100))
def test_append_stays_bounded_and_recent_when_times_are_anything(steps: list[tuple[float, bool]]) -> None:
    ring, time_s, run = EmbeddingRing(GEOMETRY, 1.0), 0.0, 0
    for step_s, broken in steps:
        time_s, run = time_s + step_s, run + broken
        picked = ring.append(time_s, run, np.full(3, time_s, np.float64))
        assert picked.shape == (4, 3)
        assert picked[-1, 0] == time_s
        assert (np.diff(picked[:, 0]) >= 0).all()
        assert picked[0, 0] >= time_s - 0.36
        assert len(ring) <= 10

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.glance import SERVES_ALL, GlanceTiming

INTERVAL_S = 2.0


def glances(
    spacing_s: float, fps: float = 15.0, seconds: float = 60.0, first_s: float = INTERVAL_S
) -> list[tuple[float, bool]]:
    """When glances begin on a camera with a key picture every ``spacing_s``, and whether on one; the first of them is
    planned for ``first_s``."""
    timing = GlanceTiming()
    begun: list[tuple[float, bool]] = []
    planned_s, next_key_s = first_s, 0.0
    for index in range(round(seconds * fps)):
        time_s = index / fps
        key = time_s >= next_key_s - 1e-9
        if key:
            next_key_s += spacing_s
        if timing.begins(time_s, planned_s, INTERVAL_S, key=key):
            begun.append((time_s, key))
            planned_s = time_s + INTERVAL_S
    return begun


@pytest.mark.parametrize("spacing_s", [1 / 15, 0.5, 1.0, 1.2, 1.6, 2.0, 2.4])
def test_glances_begin_with_key_pictures_where_these_come_often_enough(spacing_s: float) -> None:
    begun = glances(spacing_s)
    assert all(key for _, key in begun[len(begun) // 2 :])
    assert len(begun) == pytest.approx(60 / INTERVAL_S, rel=0.26)


def test_glances_keep_their_interval_where_every_picture_is_a_key() -> None:
    times = [time_s for time_s, _ in glances(1 / 15)]
    assert np.diff(times) == pytest.approx(np.full(len(times) - 1, INTERVAL_S))


def test_glances_do_not_wait_for_key_pictures_that_will_not_come() -> None:
    times = [time_s for time_s, _ in glances(math.inf)]
    assert np.diff(times) == pytest.approx(np.full(len(times) - 1, INTERVAL_S))


@given(st.floats(0.05, 20), st.sampled_from([5.0, 10.0, 15.0, 25.0, 30.0]), st.floats(INTERVAL_S, 2 * INTERVAL_S))
def test_glances_come_at_most_a_quarter_of_the_interval_late_and_never_twice_as_often(
    spacing_s: float, fps: float, first_s: float
) -> None:
    times = np.array([time_s for time_s, _ in glances(spacing_s, fps, first_s=first_s)])
    steps = np.diff(times)
    assert len(steps) > 0
    # Only where key pictures are rare enough to be missed, and yet serve all glances, does one come sooner than that:
    # the last key picture before the next that would be too late.
    least_s = 0.75 * INTERVAL_S - 1e-6
    if INTERVAL_S / 2 - 1 / fps <= spacing_s <= SERVES_ALL * INTERVAL_S + 1 / fps:
        least_s = (1.25 - SERVES_ALL) * INTERVAL_S - 1 / fps
    assert steps.min() >= least_s
    assert steps.mean() >= INTERVAL_S / 2
    assert steps.max() <= 1.25 * INTERVAL_S + 1 / fps + 1e-6


@pytest.mark.parametrize("spacing_s", [0.5, 1.0, 1.3, 2.0, 2.2])
@pytest.mark.parametrize("first_s", [4.0, 4.4, 4.8, 5.2, 5.6, 6.0])
def test_glances_begin_with_key_pictures_whenever_a_camera_falls_idle(spacing_s: float, first_s: float) -> None:
    begun = glances(spacing_s, first_s=first_s)
    assert all(key for _, key in begun)
    assert first_s - 1.25 * INTERVAL_S <= begun[0][0] <= first_s + 0.25 * INTERVAL_S + 1 / 15


def test_glances_are_made_when_due_where_key_pictures_are_too_rare_for_all() -> None:
    steps = np.diff([time_s for time_s, _ in glances(4.0)])
    assert steps == pytest.approx(np.full(len(steps), INTERVAL_S), abs=0.25 * INTERVAL_S + 1 / 15)


def test_a_glance_begins_at_last_when_an_expected_key_picture_is_late() -> None:
    timing = GlanceTiming()
    assert not timing.begins(0.0, 2.0, INTERVAL_S, key=True)
    assert not timing.begins(1.2, 2.0, INTERVAL_S, key=True)
    waited = [time_s for time_s in np.arange(1.3, 3.0, 0.1) if timing.begins(float(time_s), 2.0, INTERVAL_S, key=False)]
    assert waited[0] == pytest.approx(2.5)


@given(st.integers(1, 60), st.sampled_from([5.0, 10.0, 15.0, 25.0]), st.floats(INTERVAL_S, 2 * INTERVAL_S))
def test_no_glance_begins_before_it_was_said_to_where_key_pictures_come_evenly(
    pictures: int, fps: float, first_s: float
) -> None:
    timing = GlanceTiming()
    planned_s, said_s, rested = first_s, -math.inf, 0
    for index in range(round(40 * fps)):
        time_s = index / fps
        began = timing.begins(time_s, planned_s, INTERVAL_S, key=index % pictures == 0)
        # The spacing of key pictures is known once two have come.
        if began and index > 2 * pictures:
            assert time_s >= said_s - 1 / fps - 1e-6
        if began:
            planned_s = time_s + INTERVAL_S
        said_s = timing.earliest(planned_s, INTERVAL_S)
        rested += said_s > time_s
    assert rested > 0


def test_a_camera_may_rest_until_shortly_before_its_next_key_picture() -> None:
    timing = GlanceTiming()
    assert timing.earliest(2.0, INTERVAL_S) == pytest.approx(1.5)
    timing.begins(0.0, 2.0, INTERVAL_S, key=True)
    timing.begins(2.0, 2.0, INTERVAL_S, key=True)
    assert timing.earliest(4.0, INTERVAL_S) == pytest.approx(3.9)

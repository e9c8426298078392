from __future__ import annotations

import numpy as np
import pytest

from builder.evaluation.poisson import certainty, rate_interval, silence_needed


# The limits of Garwood's table for counts (chi-square quantiles, halved).
@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(0, 0.0, 3.689), (1, 0.0253, 5.572), (2, 0.2422, 7.225), (10, 4.795, 18.39), (100, 81.36, 121.63)],
)
def test_rate_interval_has_the_published_limits(count: int, low: float, high: float) -> None:
    found = rate_interval(count, 1.0)
    assert (found.value, found.low, found.high) == (
        count,
        pytest.approx(low, rel=1e-3),
        pytest.approx(high, rel=1e-3),
    )


def test_rate_interval_is_per_unit_of_exposure() -> None:
    half, whole = rate_interval(3, 0.5), rate_interval(3, 1.0)
    assert (half.value, half.low, half.high) == (
        pytest.approx(2 * whole.value),
        pytest.approx(2 * whole.low),
        pytest.approx(2 * whole.high),
    )


@pytest.mark.parametrize(("count", "exposure", "most"), [(0, 0.5, 1.0), (1, 3.0, 0.5), (4, 2.0, 2.5), (30, 1.0, 25.0)])
def test_a_threshold_chosen_to_let_so_many_through_is_as_sure_as_it_says(
    count: int, exposure: float, most: float
) -> None:
    # Events come at random, each at a level of its own; the threshold is put just above
    # the first one that is not let through, and the rate of events above it is known.
    rng = np.random.default_rng(0)
    reached = []
    for _ in range(4000):
        levels = np.sort(rng.random(rng.poisson(8 * most * exposure + 60)))[::-1]
        rate = (1 - levels[count]) * (8 * most * exposure + 60) / exposure
        reached.append(rate <= most)
    assert certainty(count, exposure, most) == pytest.approx(float(np.mean(reached)), abs=0.025)


def test_certainty_falls_with_every_event_and_is_a_probability() -> None:
    told = [certainty(count, 3.0, 1.0) for count in range(200)]
    assert told == sorted(told, reverse=True)
    assert 0 <= told[-1] < 1e-9
    assert told[0] == pytest.approx(0.9502, abs=1e-4)


@pytest.mark.parametrize("most", [0.1, 1.0, 7.0])
@pytest.mark.parametrize("sure", [0.5, 0.9, 0.99])
def test_silence_for_as_long_as_is_needed_makes_just_so_sure(sure: float, most: float) -> None:
    assert certainty(0, silence_needed(sure, most), most) == pytest.approx(sure)

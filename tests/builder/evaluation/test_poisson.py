from __future__ import annotations

import pytest

from builder.evaluation.poisson import rate_interval


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

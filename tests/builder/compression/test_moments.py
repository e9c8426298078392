from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from builder.compression.moments import Moments, MomentSums

INPUTS = 6


def summed(read: NDArray[np.float32], given: NDArray[np.float32], parts: int = 3) -> Moments:
    sums = MomentSums()
    for rows in np.array_split(np.arange(len(read)), parts):
        sums.add(read[rows], given[rows])
    return sums.moments()


@pytest.fixture
def read() -> NDArray[np.float32]:
    return np.random.default_rng(1).normal(2.0, 1.0, (4000, INPUTS)).astype(np.float32)


@pytest.fixture
def kernel() -> NDArray[np.float32]:
    return np.random.default_rng(2).normal(size=(INPUTS, 3)).astype(np.float32)


def test_moments_are_those_of_all_rows_however_they_came(
    read: NDArray[np.float32], kernel: NDArray[np.float32]
) -> None:
    given = read @ kernel
    told = summed(read, given)
    np.testing.assert_allclose(told.read, read.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(told.within, np.cov(read.T, bias=True), atol=1e-4)
    np.testing.assert_allclose(told.across, (read - read.mean(0)).T @ (given - given.mean(0)) / len(read), atol=1e-4)


def test_all_inputs_fit_what_was_given_and_its_offset(read: NDArray[np.float32], kernel: NDArray[np.float32]) -> None:
    fitted, intercept = summed(read, read @ kernel + np.float32(5.0)).fit(np.arange(INPUTS))
    np.testing.assert_allclose(fitted, kernel, atol=5e-3)
    np.testing.assert_allclose(intercept, 5.0, atol=2e-2)


def test_what_is_left_makes_up_for_an_input_that_was_a_copy(
    read: NDArray[np.float32], kernel: NDArray[np.float32]
) -> None:
    read[:, 4] = read[:, 1] + 1e-3 * read[:, 4]
    given = read @ kernel
    told = summed(read, given)
    kept = np.sort(told.removal_order(kernel)[1:])
    assert {1, 4} - set(kept.tolist())
    fitted, intercept = told.fit(kept)
    left = read[:, kept] @ fitted + intercept
    assert np.mean((left - given) ** 2) < 1e-3 * given.var()


def test_the_order_is_that_of_the_least_error_of_what_is_fitted_again(
    read: NDArray[np.float32], kernel: NDArray[np.float32]
) -> None:
    mixed = (read @ np.random.default_rng(3).normal(size=(INPUTS, INPUTS))).astype(np.float32)
    given = mixed @ kernel
    told = summed(mixed, given)
    order = told.removal_order(kernel)
    assert sorted(order.tolist()) == list(range(INPUTS))

    def error(gone: set[int]) -> float:
        kept = np.array([one for one in range(INPUTS) if one not in gone])
        fitted, intercept = told.fit(kept)
        return float(np.mean((mixed[:, kept] @ fitted + intercept - given) ** 2))

    gone: set[int] = set()
    for out in order[: INPUTS - 1].tolist():
        tried = {one: error({*gone, one}) for one in range(INPUTS) if one not in gone}
        assert tried[out] == pytest.approx(min(tried.values()), rel=0.02)
        gone.add(out)

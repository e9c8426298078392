from __future__ import annotations

import numpy as np
import pytest

from benchmarks.logistic import held_out_probabilities


def two_clouds(count: int, width: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    return rng.normal(0, 1, (count, width)) + 2.0 * labels[:, None], labels


@pytest.mark.parametrize("width", [1, 5, 300])
def test_clouds_are_told_apart_whether_there_are_more_rows_or_more_features(width: int) -> None:
    rows, labels = two_clouds(60, width)
    asked, truth = two_clouds(40, width, seed=4)
    found = held_out_probabilities(rows, labels, asked)
    assert np.mean((found >= 0.5) == truth) > 0.75


def test_units_of_features_do_not_matter() -> None:
    rows, labels = two_clouds(40, 6)
    asked, _ = two_clouds(10, 6, seed=4)
    units = np.array([1, 10, 1000, 0.1, 5, 2.0])
    np.testing.assert_allclose(
        held_out_probabilities(rows * units + 7, labels, asked * units + 7),
        held_out_probabilities(rows, labels, asked),
        atol=1e-4,
    )


def test_base_rate_is_all_that_is_left_when_the_penalty_is_huge() -> None:
    rows, _ = two_clouds(40, 6)
    labels = (np.arange(40) < 10).astype(np.int64)
    np.testing.assert_allclose(held_out_probabilities(rows, labels, rows, penalty=1e6), 0.25, atol=1e-3)


def test_weights_are_the_optimum() -> None:
    rows, labels = two_clouds(50, 3)
    scaled = (rows - rows.mean(axis=0)) / (rows.std(axis=0) + 1e-6) / np.sqrt(3)
    found = held_out_probabilities(rows, labels, rows, penalty=0.01)
    margins = np.log(found / (1 - found))
    weights = np.linalg.lstsq(np.c_[scaled, np.ones(50)], margins, rcond=None)[0]
    gradient = scaled.T @ (found - labels) / 50 + 0.01 * weights[:3]
    np.testing.assert_allclose(gradient, 0, atol=1e-6)

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from builder.training.stacking import stacked_weights

RNG = np.random.default_rng(0)
FIGHTS = RNG.integers(0, 2, 200)
LABELS = np.eye(2, dtype=np.float32)[FIGHTS]


def member(skill: float, noise: float, seed: int) -> NDArray[np.float32]:
    margins = skill * (2 * FIGHTS - 1) + noise * np.random.default_rng(seed).normal(size=len(FIGHTS))
    return np.stack([-margins / 2, margins / 2], axis=1).astype(np.float32)


def loss(logits: NDArray[np.float32], weights: NDArray[np.float64]) -> float:
    margins = weights @ (logits[..., 1] - logits[..., 0])
    return float(np.logaddexp(0, np.where(FIGHTS == 1, -margins, margins)).mean())


def test_weights_are_not_negative_and_sum_to_one() -> None:
    weights = stacked_weights(np.stack([member(1, 1, 1), member(0, 2, 2), member(-1, 1, 3)]), LABELS)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)


def test_who_guesses_counts_little_and_who_is_always_wrong_nothing() -> None:
    good, guessing, wrong = stacked_weights(np.stack([member(1, 1, 1), member(0, 2, 2), member(-1, 1, 3)]), LABELS)
    assert good > 0.9
    assert guessing < 0.1
    assert wrong < guessing
    assert wrong < 1e-3


def test_members_alike_count_alike() -> None:
    one = member(1, 1, 1)
    np.testing.assert_allclose(stacked_weights(np.stack([one, one, one]), LABELS), 1 / 3)


def test_no_other_weights_on_a_grid_are_better() -> None:
    logits = np.stack([member(0.5, 1, 1), member(0.4, 1.5, 2)])
    found = loss(logits, stacked_weights(logits, LABELS))
    best = min(loss(logits, np.array([share, 1 - share])) for share in np.linspace(0, 1, 101))
    assert found <= best + 1e-5

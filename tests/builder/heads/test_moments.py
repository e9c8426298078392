from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from builder.framework import load_keras
from builder.heads import build_moments

SAMPLES, EMBEDDING = 5, 7


@pytest.fixture
def head() -> Any:
    return build_moments(SAMPLES, EMBEDDING)


def test_a_window_becomes_two_logits(head: Any) -> None:
    assert (head.input_shape, head.output_shape) == ((None, SAMPLES, EMBEDDING), (None, 2))
    assert head.layers[-1].activation.__name__ == "linear"


def test_what_is_weighed_is_mean_mean_absolute_deviation_and_mean_absolute_change_over_time(head: Any) -> None:
    windows = np.random.default_rng(0).normal(size=(3, SAMPLES, EMBEDDING)).astype(np.float32)
    pooled = np.asarray(load_keras().Model(head.input, head.get_layer("moments").output)(windows))
    deviation = np.abs(windows - windows.mean(axis=1, keepdims=True)).mean(axis=1)
    change = np.abs(np.diff(windows, axis=1)).mean(axis=1)
    wanted = np.concatenate([windows.mean(axis=1), deviation, change], axis=1)
    np.testing.assert_allclose(pooled, wanted, rtol=1e-5, atol=1e-6)


def test_a_window_of_one_sample_has_nothing_that_changes() -> None:
    head = build_moments(1, EMBEDDING)
    windows = np.random.default_rng(2).normal(size=(2, 1, EMBEDDING)).astype(np.float32)
    assert head.get_layer("moments").output_shape == (None, 2 * EMBEDDING)
    assert np.isfinite(np.asarray(head(windows))).all()


def test_the_direction_of_time_does_not_matter(head: Any) -> None:
    rng = np.random.default_rng(1)
    head.get_layer("logits").set_weights([rng.normal(size=(3 * EMBEDDING, 2)), np.zeros(2)])
    windows = rng.normal(size=(2, SAMPLES, EMBEDDING)).astype(np.float32)
    np.testing.assert_allclose(head(windows), head(windows[:, ::-1]), rtol=1e-5, atol=1e-5)
    assert not np.allclose(head(windows), head(windows[:, [0, 2, 1, 3, 4]]), atol=1e-3)


def test_weights_are_penalised_by_their_squares(head: Any) -> None:
    head.get_layer("logits").set_weights([np.full((3 * EMBEDDING, 2), 0.5), np.ones(2)])
    assert float(sum(head.losses)) == pytest.approx(0.3 * 0.25 * 6 * EMBEDDING)

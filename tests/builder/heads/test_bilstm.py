from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from builder.framework import load_keras
from builder.heads import build_bilstm

SAMPLES, EMBEDDING = 5, 7


@pytest.fixture(scope="module")
def head() -> Any:
    load_keras().utils.set_random_seed(2)
    return build_bilstm(SAMPLES, EMBEDDING)


@pytest.fixture(scope="module")
def windows() -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=(3, SAMPLES, EMBEDDING)).astype(np.float32)


def inside(head: Any, windows: NDArray[np.float32], *names: str) -> list[NDArray[np.float32]]:
    """What the layers of these names give."""
    outputs = {name: head.get_layer(name).output for name in names}
    found = load_keras().Model(head.input, outputs)(windows, training=False)
    return [np.asarray(found[name]) for name in names]


def test_a_window_becomes_two_logits(head: Any) -> None:
    assert (head.input_shape, head.output_shape) == ((None, SAMPLES, EMBEDDING), (None, 2))
    # Probabilities are the calibration's: a softmax here would be one of a softmax there.
    assert head.layers[-1].activation.__name__ == "linear"


def test_attention_is_the_weighted_sum_over_time_and_its_weights_sum_to_one(
    head: Any, windows: NDArray[np.float32]
) -> None:
    states, weights, pooled = inside(head, windows, "bilstm", "attention_weight", "attention_sum")
    assert weights.shape == (3, SAMPLES, 1)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)
    assert weights.std() > 0
    np.testing.assert_allclose(pooled, (states * weights).sum(axis=1), rtol=1e-4, atol=1e-6)


def test_both_directions_of_time_are_seen(head: Any, windows: NDArray[np.float32]) -> None:
    changed = windows.copy()
    changed[:, -1] += 1
    (before,), (after,) = inside(head, windows, "bilstm"), inside(head, changed, "bilstm")
    moved = np.abs(after - before)[:, 0].max(axis=0)
    half = before.shape[-1] // 2
    assert moved[:half].max() == 0
    assert moved[half:].max() > 1e-4


def test_the_dense_layers_are_those_of_the_source_design(head: Any) -> None:
    layers = load_keras().layers
    dense = [layer.units for layer in head.layers if isinstance(layer, layers.Dense)]
    assert dense[-4:] == [256, 128, 64, 2]


def test_no_layer_is_one_that_the_int8_converter_gets_wrong(head: Any) -> None:
    layers = load_keras().layers
    for layer in head.layers:
        assert not isinstance(layer, (layers.Dot, layers.Attention, layers.AdditiveAttention, layers.Lambda))

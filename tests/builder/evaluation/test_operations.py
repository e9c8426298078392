from __future__ import annotations

from typing import Any

import pytest

from builder.evaluation.operations import count_multiply_adds
from builder.framework import load_keras


def model(*shape: int, layer: str, **more: Any) -> Any:
    keras = load_keras()
    entry = keras.Input(shape)
    return keras.Model(entry, getattr(keras.layers, layer)(**more)(entry))


@pytest.mark.parametrize(
    ("shape", "layer", "more", "wanted"),
    [
        ((8, 10, 3), "Conv2D", {"filters": 5, "kernel_size": 3, "padding": "same"}, 8 * 10 * 3 * 3 * 3 * 5),
        ((8, 10, 4), "Conv2D", {"filters": 6, "kernel_size": (3, 1), "groups": 2}, 6 * 10 * 3 * 2 * 6),
        ((8, 8, 3), "DepthwiseConv2D", {"kernel_size": 3, "strides": 2, "padding": "same"}, 4 * 4 * 9 * 3),
        ((12, 4), "Conv1D", {"filters": 2, "kernel_size": 5}, 8 * 5 * 4 * 2),
        ((7,), "Dense", {"units": 3}, 21),
        ((4, 7), "Dense", {"units": 3}, 4 * 21),
        ((5, 6), "LSTM", {"units": 3}, 5 * (6 * 12 + 3 * 12)),
        ((8, 8, 3), "ReLU", {}, 0),
    ],
)
def test_each_kind_of_layer_is_counted(shape: tuple[int, ...], layer: str, more: dict[str, Any], wanted: int) -> None:
    assert count_multiply_adds(model(*shape, layer=layer, **more)) == wanted


def test_both_ways_of_a_bidirectional_layer_count() -> None:
    keras = load_keras()
    entry = keras.Input((5, 6))
    both = keras.Model(entry, keras.layers.Bidirectional(keras.layers.LSTM(3))(entry))
    assert count_multiply_adds(both) == 2 * 5 * (6 * 12 + 3 * 12)

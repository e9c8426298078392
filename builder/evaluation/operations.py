"""How much arithmetic a network is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from builder.framework import load_keras

if TYPE_CHECKING:
    import tf_keras


def count_multiply_adds(model: tf_keras.Model) -> int:
    """Multiplications with their additions in convolutions, dense layers and recurrent cells, of one item of the batch.

    What only moves, scales or adds up is not counted: it is a few per cent of the time and none of the arithmetic that
    engines are rated by.
    """
    return sum(_of_layer(layer) for layer in model.layers)


def _of_layer(layer: tf_keras.layers.Layer) -> int:
    layers = load_keras().layers
    if isinstance(layer, layers.Bidirectional):
        return int(layer.input_shape[1]) * (_recurrent(layer.forward_layer) + _recurrent(layer.backward_layer))
    if isinstance(layer, layers.LSTM):
        return int(layer.input_shape[1]) * _recurrent(layer)
    if isinstance(layer, layers.DepthwiseConv2D):
        return _product(layer.depthwise_kernel.shape, layer.output_shape[1:3])
    if isinstance(layer, (layers.Conv1D, layers.Conv2D, layers.Dense)):
        return _product(layer.kernel.shape, layer.output_shape[1:-1])
    return 0


def _recurrent(layer: tf_keras.layers.Layer) -> int:
    return _product(layer.cell.kernel.shape) + _product(layer.cell.recurrent_kernel.shape)


def _product(*shapes: Iterable[int]) -> int:
    return math.prod(int(length) for shape in shapes for length in shape)

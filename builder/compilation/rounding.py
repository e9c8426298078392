"""Rounding weights to int8 so that what layers give stays as it was, rather than each to its nearest.

A weight's error matters as far as what it is multiplied with does not cancel it. A kernel that takes differences of a
bright, even picture sums to nothing; rounded weight by weight it sums to something, and all of the picture's brightness
comes through. On the first depthwise layer of an EfficientNet-Lite0 that alone was nine tenths of the error of all
rounded weights.

Source of the objective, the squared error of each layer's output over samples: Nagel et al., "Up or down? Adaptive
rounding for post-training quantization" (ICML 2020). It is minimised here by coordinate descent over rounding up and
down, which needs no more of the samples than their second moments.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from builder.framework import load_keras, load_tensorflow

if TYPE_CHECKING:
    import tf_keras

Rounding = Literal["fitted", "nearest"]
"""Each weight goes up or down for the sake of what its layer gives, or to the nearest."""

LARGEST = 127
"""Int8 weights are symmetric about 0: the largest of each output channel is this, and zeros stay zeros."""
_BATCH = 16
_SWEEPS = 8
_TINY = 1e-9
_ENOUGH = 128

Reals = NDArray[np.float64]


class _Kernel(NamedTuple):
    """A convolution whose kernel is ``(K, O)``: of each output channel, what it takes from each of ``K`` inputs. Those
    of a depthwise one are its channel's own."""

    layer: tf_keras.layers.Layer
    depthwise: bool

    def weights(self) -> Reals:
        kernel = self.layer.get_weights()[0]
        return np.asarray(kernel.reshape(-1, kernel.shape[2] if self.depthwise else kernel.shape[3]), dtype=np.float64)

    def set(self, weights: Reals) -> None:
        kernel, *rest = self.layer.get_weights()
        self.layer.set_weights([weights.reshape(kernel.shape).astype(np.float32), *rest])

    def moments(self, maps: Any) -> Reals:  # noqa: ANN401 - a tensor
        """Sums of products of inputs over the places of ``maps (N, h, w, C)``, ``(K, K)``, of a depthwise one
        ``(C, K, K)``."""
        rows, columns = self.layer.kernel_size
        patches = load_tensorflow().image.extract_patches(
            maps, [1, rows, columns, 1], [1, *self.layer.strides, 1], [1, 1, 1, 1], self.layer.padding.upper()
        )
        taken = np.asarray(patches, dtype=np.float64).reshape(-1, rows * columns, maps.shape[-1])
        if self.depthwise:
            by_channel = taken.transpose(2, 1, 0)
            return np.asarray(by_channel @ by_channel.transpose(0, 2, 1))
        flat = taken.reshape(len(taken), -1)
        return np.asarray(flat.T @ flat)


def round_to_fit(
    encoder: tf_keras.Model, samples: NDArray[np.float32], float_layers: Collection[str] = ()
) -> tf_keras.Model:
    """A copy of ``encoder`` whose kernels, scaled by output channel, are whole numbers of at most 127, chosen for what
    its layers make of ``samples (N, H, W, C) float32``, at least one; those of ``float_layers`` stay as
    they are. Batch normalisation may be folded into them later. Of many samples some are taken: second moments settle
    long before ranges do."""
    samples = samples[:: max(1, len(samples) // _ENOUGH)]
    rounded = load_keras().models.clone_model(encoder)
    rounded.set_weights(encoder.get_weights())
    kernels = [kernel for kernel in _kernels(rounded) if kernel.layer.name not in float_layers]
    if not kernels:
        return cast("tf_keras.Model", rounded)
    for kernel, moments in zip(kernels, _measure(rounded, kernels, samples), strict=True):
        kernel.set(choose_rounding(kernel.weights(), moments))
    return cast("tf_keras.Model", rounded)


def choose_rounding(weights: Reals, moments: Reals) -> Reals:
    """Weights ``(K, O)`` on the int8 grid of their column, each rounded up or down so that the squared error of the
    output is small where inputs have these second ``moments (K, K)`` or, by column, ``(O, K, K)``."""
    scales = np.abs(weights).max(axis=0) / LARGEST
    scales[scales == 0] = 1.0
    chosen = np.rint(weights / scales)
    below = np.floor(weights / scales)
    # A column's largest weight sets its scale, and what is pruned stays pruned.
    free = (weights != 0) & (np.abs(chosen) < LARGEST)
    error = chosen - weights / scales
    shared = moments.ndim == weights.ndim
    steepness = moments @ error if shared else np.einsum("okl,lo->ko", moments, error)
    by_column = np.broadcast_to(moments, (weights.shape[1], *moments.shape)) if shared else moments
    for _ in range(_SWEEPS):
        if not _sweep(chosen, below, free, by_column, steepness):
            break
    return np.asarray(chosen * scales)


def _sweep(chosen: Reals, below: Reals, free: NDArray[np.bool_], moments: Reals, steepness: Reals) -> bool:
    """Turn each weight's rounding round where that lowers the error; whether any was. ``chosen`` and ``steepness``,
    half the error's gradient, are changed in place."""
    turned = False
    for place in range(len(chosen)):
        step = np.where(chosen[place] == below[place], 1.0, -1.0)
        own = moments[:, place, place]
        change = 2 * step * steepness[place] + own
        taken = np.where(free[place] & (change < -_TINY * own), step, 0.0)
        if taken.any():
            turned = True
            chosen[place] += taken
            steepness += moments[:, :, place].T * taken
    return turned


def _kernels(encoder: tf_keras.Model) -> Iterator[_Kernel]:
    layers = load_keras().layers
    for layer in encoder.layers:
        if isinstance(layer, layers.DepthwiseConv2D):
            yield _Kernel(layer, depthwise=True)
        elif isinstance(layer, layers.Conv2D):
            yield _Kernel(layer, depthwise=False)


def _measure(encoder: tf_keras.Model, kernels: list[_Kernel], samples: NDArray[np.float32]) -> list[Reals]:
    """The second moments of each kernel's inputs over all samples."""
    tf = load_tensorflow()
    inputs = load_keras().Model(encoder.input, [kernel.layer.input for kernel in kernels])
    # Of one kernel the model gives a tensor in the place of a list of one.
    look = tf.function(lambda batch: tf.nest.flatten(inputs(batch, training=False)), reduce_retracing=True)
    sums: list[Reals] = []
    for start in range(0, len(samples), _BATCH):
        maps = look(tf.constant(samples[start : start + _BATCH]))
        found = [kernel.moments(one) for kernel, one in zip(kernels, maps, strict=True)]
        sums = found if not sums else [total + more for total, more in zip(sums, found, strict=True)]
    return sums

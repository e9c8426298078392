"""An encoder that learns with the rounding that int8 will do to it, so that it minds it less.

Source: Jacob et al., Quantization and training of neural networks for efficient integer-arithmetic-only inference (CVPR
2018): weights and what layers read are rounded on the way forward, and gradients pass as if they were not (Bengio et
al., 2013). A batch normalisation that follows is folded into a kernel when it is compiled, which scales each channel of
it: with a scale for each channel that rounds to the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from builder.compression.recovery import Recovery
from builder.framework import load_keras, load_tensorflow
from builder.recipe import QuantizationAware
from builder.training.network import Network, copy_encoder, traced

if TYPE_CHECKING:
    import tf_keras

BATCH = 32
Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class QuantizationTrainer:
    """``windows (M, T, P * H, W, C) uint8`` of clips that are learnt from show what the encoder shall still see; layers
    that are kept in ``float`` learn unrounded."""

    recovery: Recovery
    asked: QuantizationAware
    kept_float: tuple[str, ...]
    windows: NDArray[np.uint8]

    def train(self, network: Network) -> tuple[Network, dict[str, tuple[float, ...]]]:
        """The student after its encoder has learnt, rounded, to embed as it did unrounded, which is what its head was
        taught by; with its losses per epoch of ``tune`` and, with a new head, ``probe``. Weights that are zero stay
        zero."""
        recovery = self.recovery
        ranges = measure_ranges(network.encoder, recovery.shown(self.windows))
        rounded = rounding_encoder(network.encoder, ranges, self.kept_float)
        kernels = [layer.weights[0] for layer in rounded.layers if isinstance(layer, _convolutions())]
        masks = [(kernel, (kernel.numpy() != 0).astype(np.float32)) for kernel in kernels]

        def keep_zeros() -> None:
            for kernel, mask in masks:
                kernel.assign(kernel * mask)

        told = {"tune": recovery.imitate(rounded, network, self.windows, self.asked.tune, keep_zeros)}
        # The averaged weights followed each step before its zeros were kept.
        keep_zeros()
        encoder = copy_encoder(network.encoder)
        encoder.set_weights(rounded.get_weights())
        trained, probed = recovery.finish(encoder, network.head, self.asked.probe)
        return trained, {**told, **probed}


def measure_ranges(encoder: tf_keras.Model, panes: NDArray[np.float32]) -> dict[str, Range]:
    """The least and the greatest value that each convolution reads of ``panes (N, H, W, C)``, zero among them; that of
    the encoder's own input is left out, since pixels are whole numbers already."""
    tf = load_tensorflow()
    layers = [one for one in encoder.layers if isinstance(one, _convolutions()) and one.input is not encoder.input]
    model = load_keras().Model(encoder.input, [layer.input for layer in layers])
    call = traced(model)
    found = np.zeros((len(layers), 2))
    for start in range(0, len(panes), BATCH):
        maps = call(panes[start : start + BATCH])
        seen = np.array([(float(tf.reduce_min(one)), float(tf.reduce_max(one))) for one in maps])
        found = np.stack([np.minimum(found[:, 0], seen[:, 0]), np.maximum(found[:, 1], seen[:, 1])], axis=1)
    return {layer.name: (low, high) for layer, (low, high) in zip(layers, found.tolist(), strict=True)}


def rounding_encoder(
    encoder: tf_keras.Model, ranges: Mapping[str, Range], kept_float: Collection[str] = ()
) -> tf_keras.Model:
    """A copy of the encoder whose convolutions, but for those ``kept_float``, round their kernels to 255 steps a
    channel and what they read to 256 steps of its range, on the way forward alone."""
    convolution, depthwise = _rounding_layers()
    layers = load_keras().layers

    def clone(layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
        kind = type(layer)
        if layer.name not in kept_float:
            kind = {layers.Conv2D: convolution, layers.DepthwiseConv2D: depthwise}.get(kind, kind)
        copy = kind.from_config(layer.get_config())
        if kind in {convolution, depthwise}:
            copy.read_range = ranges.get(layer.name)
        return copy

    rounded = load_keras().models.clone_model(encoder, clone_function=clone)
    rounded.set_weights(encoder.get_weights())
    return rounded


def _convolutions() -> tuple[Any, ...]:
    layers = load_keras().layers
    return layers.Conv2D, layers.DepthwiseConv2D


def _rounding_layers() -> tuple[Any, Any]:
    """The convolutions that round."""
    keras, tf = load_keras(), load_tensorflow()

    class RoundingConvolution(keras.layers.Conv2D):  # type: ignore[misc, name-defined]  # not typed
        read_range: Range | None = None

        def convolution_op(self, inputs: Any, kernel: Any) -> Any:  # noqa: ANN401 - symbolic tensors
            return super().convolution_op(_rounded_input(tf, inputs, self.read_range), _rounded_kernel(tf, kernel))

    class RoundingDepthwise(keras.layers.DepthwiseConv2D):  # type: ignore[misc, name-defined]  # not typed
        read_range: Range | None = None

        def call(self, inputs: Any) -> Any:  # noqa: ANN401 - symbolic tensors
            # One kernel for each channel, which comes last for the rounding and last but one for the convolution.
            kernel = _rounded_kernel(tf, self.depthwise_kernel[..., 0])[..., None]
            read = _rounded_input(tf, inputs, self.read_range)
            given = keras.backend.depthwise_conv2d(
                read, kernel, strides=self.strides, padding=self.padding, dilation_rate=self.dilation_rate
            )
            return keras.backend.bias_add(given, self.bias) if self.use_bias else given

    return RoundingConvolution, RoundingDepthwise


def _rounded_input(tf: Any, inputs: Any, read_range: Range | None) -> Any:  # noqa: ANN401 - symbolic tensors
    return inputs if read_range is None else tf.quantization.fake_quant_with_min_max_vars(inputs, *read_range)


def _rounded_kernel(tf: Any, kernel: Any) -> Any:  # noqa: ANN401 - symbolic tensors
    most = tf.stop_gradient(tf.reduce_max(tf.abs(kernel), axis=list(range(len(kernel.shape) - 1)))) + 1e-9
    return tf.quantization.fake_quant_with_min_max_vars_per_channel(kernel, -most, most, narrow_range=True)

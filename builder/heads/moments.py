"""How a window's embeddings lie and move: their mean, their spread over time and how much they change from one sample
to the next, weighed by one linear layer.

With some two hundred clips what a head can fit counts less than what it cannot: this one is logistic regression on
statistics pooled over time. Source of the pooling: Snyder et al., "X-vectors: robust DNN embeddings for speaker
recognition" (2018); of the change: Furui, "Speaker-independent isolated word recognition using dynamic features of
speech spectrum" (1986), here without its sign; of the penalty: Hoerl & Kennard, "Ridge regression" (1970).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from builder.framework import load_keras

if TYPE_CHECKING:
    import tf_keras


def build_moments(samples: int, embedding: int, *, penalty: float = 0.3) -> tf_keras.Model:
    """Window ``(N, samples, embedding) float32`` to logits ``(N, 2) float32``; ``penalty`` is that of the weights'
    squares."""
    keras = load_keras()
    layers = keras.layers
    window = keras.Input((samples, embedding), name="window")
    mean = layers.GlobalAveragePooling1D(keepdims=True, name="mean")(window)
    # Half of all absolute deviations lie above the mean, and a rectifier keeps those: unlike a square root, or an
    # absolute value, it is an operator that every int8 compiler has.
    above = layers.ReLU(name="above")(layers.Subtract(name="deviation")([window, mean]))
    spread = layers.Rescaling(2.0, name="spread")(
        layers.GlobalAveragePooling1D(keepdims=True, name="half_spread")(above)
    )
    pooled = [mean, spread, *([_change(window)] if samples > 1 else [])]
    x = layers.Flatten(name="moments")(layers.Concatenate(name="all")(pooled))
    logits = layers.Dense(
        2, kernel_initializer="zeros", kernel_regularizer=keras.regularizers.L2(penalty), name="logits"
    )(x)
    return keras.Model(window, logits, name="moments")


def _change(window: Any) -> Any:  # noqa: ANN401 - symbolic tensors
    """The mean absolute difference of neighbours in time, ``(N, 1, E)``."""
    layers = load_keras().layers
    later, earlier = layers.Cropping1D((1, 0), name="later")(window), layers.Cropping1D((0, 1), name="earlier")(window)
    rises, falls = (
        layers.GlobalAveragePooling1D(keepdims=True, name=f"mean_{name}")(
            layers.ReLU(name=name)(layers.Subtract(name=f"{name}_difference")(pair))
        )
        for name, pair in (("rise", [later, earlier]), ("fall", [earlier, later]))
    )
    return layers.Add(name="change")([rises, falls])

"""A light temporal convolutional network: residual dilated convolutions over time, then the mean.

Source: Bai, Kolter & Koltun, "An empirical evaluation of generic convolutional and recurrent networks for sequence
modeling" (2018). Convolutions are ``Conv2D`` with ``(k, 1)`` kernels, since quantization-aware training and the
accelerators' compilers take no ``Conv1D``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from builder.framework import load_keras

if TYPE_CHECKING:
    import tf_keras


def build_tcn(samples: int, embedding: int, *, channels: int = 64, dropout: float = 0.3) -> tf_keras.Model:
    """Window ``(N, samples, embedding) float32`` to logits ``(N, 2) float32``."""
    keras = load_keras()
    layers = keras.layers
    window = keras.Input((samples, embedding), name="window")
    x = layers.Reshape((samples, 1, embedding), name="column")(window)
    x = layers.Dropout(dropout)(x)
    x = layers.Conv2D(channels, (1, 1), activation="relu", name="project")(x)
    for dilation in (1, 2):
        y = layers.Conv2D(
            channels, (3, 1), padding="same", dilation_rate=(dilation, 1), activation="relu", name=f"time{dilation}"
        )(x)
        x = layers.Add(name=f"residual{dilation}")([x, y])
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    x = layers.Dropout(dropout)(x)
    return keras.Model(window, layers.Dense(2, name="logits")(x), name="tcn")

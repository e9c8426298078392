"""BiLSTM with attention pooling: the head of the source design.

Source: bidirectional LSTM (Schuster & Paliwal 1997; Hochreiter & Schmidhuber 1997) under additive attention over time
(Zhou et al., ACL 2016), then dense layers of 256, 128 and 64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from builder.framework import load_keras

if TYPE_CHECKING:
    import tf_keras


def build_bilstm(samples: int, embedding: int, *, units: int = 64, dropout: float = 0.3) -> tf_keras.Model:
    """Window ``(N, samples, embedding) float32`` to logits ``(N, 2) float32``."""
    keras = load_keras()
    layers = keras.layers
    window = keras.Input((samples, embedding), name="window")
    x = layers.Dropout(dropout)(window)
    x = layers.Bidirectional(layers.LSTM(units, return_sequences=True), name="bilstm")(x)
    # Multiply and sum rather than a batch matrix product: the int8 converter gets the latter wrong.
    score = layers.Dense(1, name="attention_score")(layers.Dense(units, "tanh", name="attention_hidden")(x))
    weight = layers.Softmax(axis=1, name="attention_weight")(score)
    x = layers.GlobalAveragePooling1D(name="attention_pool")(layers.Multiply(name="attention_apply")([x, weight]))
    x = layers.Rescaling(float(samples), name="attention_sum")(x)
    for width in (256, 128, 64):
        x = layers.Dense(width, "relu", name=f"dense{width}")(x)
        x = layers.Dropout(dropout)(x)
    return keras.Model(window, layers.Dense(2, name="logits")(x), name="bilstm_attention")

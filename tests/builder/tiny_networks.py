"""A tiny network in its two parts, untrained but decided: bright pictures are a fight, dark ones calm."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from builder.compilation.rounding import round_to_fit
from builder.compilation.targets import Calibrating
from builder.framework import load_keras
from builder.training.network import Network, join_network
from models.manifest import Geometry, Preprocessing

SIZE = 32
SAMPLES = 4
EMBEDDING = 8
GEOMETRY = Geometry(samples=SAMPLES, rate_hz=10.0, frame_gap_s=0.1)
# The network judges brightness, whatever differences are made of.
PREPROCESSING = Preprocessing(
    size=(SIZE, SIZE), channels=("grey", "grey", "grey"), difference_gain=1.0, mean=127.0, scale=128.0
)


def make_network(seed: int = 3) -> Network:
    """An encoder with folded batch normalisation, ReLU6, depthwise and residual parts, and a convolutional head."""
    keras = load_keras()
    keras.utils.set_random_seed(seed)
    network = join_network(_encoder(keras), _convolutional_head(keras), GEOMETRY, PREPROCESSING)
    _decide(network)
    return network


def make_recurrent_head(seed: int = 3) -> Any:
    """A BiLSTM with attention as multiply and mean."""
    keras = load_keras()
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    window = keras.Input((SAMPLES, EMBEDDING))
    x = layers.Bidirectional(layers.LSTM(6, return_sequences=True))(window)
    weight = layers.Softmax(axis=1)(layers.Dense(1)(x))
    x = layers.GlobalAveragePooling1D()(layers.Multiply()([x, weight]))
    return keras.Model(window, layers.Dense(2)(x))


def make_samples(count: int, seed: int = 5) -> NDArray[np.uint8]:
    """Samples ``(count, SIZE, SIZE, 3) uint8`` of noise around levels from dark to bright."""
    rng = np.random.default_rng(seed)
    levels = np.linspace(10, 230, count).reshape(-1, 1, 1, 1)
    return np.clip(levels + rng.normal(0, 25, (count, SIZE, SIZE, 3)), 0, 255).astype(np.uint8)


def normalise(samples: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Real network input of samples."""
    return ((samples.astype(np.float32) - PREPROCESSING.mean) / PREPROCESSING.scale).astype(np.float32)


def make_calibrating(network: Network) -> Calibrating:
    """Windows to take int8 ranges from."""
    samples = make_samples(48)
    embeddings = np.asarray(network.encoder(normalise(samples), training=False))
    windows = embeddings.reshape(-1, SAMPLES, EMBEDDING)
    rounded = round_to_fit(network.encoder, normalise(samples))
    return Calibrating(windows, samples.reshape(len(windows), SAMPLES, SIZE, SIZE, 3), rounded)


def _encoder(keras: Any) -> Any:
    layers = keras.layers
    image = keras.Input((SIZE, SIZE, 3))
    x = layers.Conv2D(EMBEDDING, 3, 2, padding="same", use_bias=False)(image)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    y = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    y = layers.ReLU(6.0)(layers.BatchNormalization()(y))
    y = layers.BatchNormalization()(layers.Conv2D(EMBEDDING, 1, use_bias=False)(y))
    return keras.Model(image, layers.GlobalAveragePooling2D()(layers.Add()([x, y])))


def _convolutional_head(keras: Any) -> Any:
    layers = keras.layers
    window = keras.Input((SAMPLES, EMBEDDING))
    x = layers.Reshape((SAMPLES, 1, EMBEDDING))(window)
    x = layers.Conv2D(16, (3, 1), padding="same", activation="relu")(x)
    return keras.Model(window, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))


def _decide(network: Network) -> None:
    """Set the last layer so that the darkest samples are clearly calm and the brightest clearly a fight."""
    keras = load_keras()
    embeddings = np.asarray(network.encoder(normalise(make_samples(8)), training=False))
    windows = np.repeat(embeddings[:, None], SAMPLES, axis=1)
    features = np.asarray(keras.Model(network.head.input, network.head.layers[-2].output)(windows, training=False))
    axis = features[-1] - features[0]
    direction = 6 * axis / (axis @ axis)
    middle = (features[0] + features[-1]) / 2 @ direction
    kernel = np.stack([np.zeros_like(direction), direction], axis=1)
    network.head.layers[-1].set_weights([kernel, np.array([0, -middle], np.float32)])

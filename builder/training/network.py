"""A frame encoder and a temporal head, joined for training and apart for everything after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from builder.framework import load_keras, load_tensorflow
from builder.heads import HEADS, HeadName
from models.manifest import Geometry, Preprocessing

if TYPE_CHECKING:
    import tf_keras


EMBEDDING_NORM = "embedding_norm"
ROOT_FLOOR = 1e-4


class Network(NamedTuple):
    """``encoder``: panes ``(N, H, W, C) float32`` to ``(N, E)``; ``head``: ``(N, T, P * E)`` to logits ``(N, 2)``;
    ``whole``: windows of uint8 samples ``(N, T, P * H, W, C)`` to logits, sharing the weights of both."""

    encoder: tf_keras.Model
    head: tf_keras.Model
    whole: tf_keras.Model


def pool_encoder(features: tf_keras.Model, *, root: bool = False) -> tf_keras.Model:
    """An encoder: a backbone's feature maps ``(N, h, w, D)`` averaged over the picture to ``(N, D)``, with ``root``
    their square roots taken, and standardised (not at first).

    Source of the root: Perronnin, Sánchez & Mensink, Improving the Fisher kernel for large-scale image classification
    (ECCV 2010).
    """
    keras, tf = load_keras(), load_tensorflow()
    pooled = keras.layers.GlobalAveragePooling2D(name="embedding")(features.output)
    if root:
        # At 0 a root is infinitely steep, which no encoder that is tuned survives.
        pooled = keras.layers.Lambda(lambda x: tf.sqrt(tf.nn.relu(x) + ROOT_FLOOR), name="root")(pooled)
    norm = keras.layers.BatchNormalization(name=EMBEDDING_NORM, center=False, scale=False, trainable=False)
    encoder = keras.Model(features.input, norm(pooled), name="encoder")
    mean, variance = norm.get_weights()
    # Variance and epsilon add up to one: until it has statistics, it changes nothing at all.
    norm.set_weights([mean, variance - np.float32(norm.epsilon)])
    return encoder


def standardise(network: Network, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """Let the encoder standardise its embeddings by the statistics of ``embeddings (M, T, P * E)``, which it gave
    before it did; returns them standardised. A head learns faster from those, above all from a backbone that is cut
    early."""
    panes = embeddings.reshape(-1, network.encoder.output_shape[-1])
    network.encoder.get_layer(EMBEDDING_NORM).set_weights([panes.mean(axis=0), panes.var(axis=0)])
    return standardised(network, embeddings)


def standardised(network: Network, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """Embeddings ``(..., P * E)`` that the encoder gave before it standardised any, as it would give them now."""
    norm = network.encoder.get_layer(EMBEDDING_NORM)
    mean, variance = norm.get_weights()
    panes = embeddings.reshape(-1, len(mean))
    standard = (panes - mean) / np.sqrt(variance + norm.epsilon)
    return np.asarray(standard.reshape(embeddings.shape), dtype=np.float32)


def join_network(
    encoder: tf_keras.Model, head: tf_keras.Model, geometry: Geometry, preprocessing: Preprocessing
) -> Network:
    """Join an encoder and a head that share their weights with the result."""
    keras, tf = load_keras(), load_tensorflow()
    pane = preprocessing.pane_shape
    window = keras.Input((geometry.samples, *preprocessing.sample_shape), name="window", dtype="uint8")
    flat = keras.layers.Lambda(
        lambda x: (tf.cast(tf.reshape(x, (-1, *pane)), tf.float32) - preprocessing.mean) / preprocessing.scale,
        name="normalise",
    )(window)
    width = preprocessing.panes * encoder.output_shape[-1]
    embeddings = keras.layers.Lambda(lambda x: tf.reshape(x, (-1, geometry.samples, width)), name="time")(encoder(flat))
    return Network(encoder, head, keras.Model(window, head(embeddings), name="whole"))


def expose_embeddings(network: Network) -> tf_keras.Model:
    """``network.whole`` with its embeddings, flat, behind the logits: ``(N, 2 + T * P * E)``."""
    keras = load_keras()
    embeddings = keras.layers.Flatten(name="embeddings")(network.whole.get_layer("time").output)
    return keras.Model(
        network.whole.input, keras.layers.Concatenate(name="exposed")([network.whole.output, embeddings])
    )


def build_network(
    features: tf_keras.Model,
    head: HeadName,
    geometry: Geometry,
    preprocessing: Preprocessing,
    *,
    root: bool = False,
) -> Network:
    """A new network over a backbone's feature maps, or with ``root`` over the square roots of their means."""
    encoder = pool_encoder(features, root=root)
    embedding = preprocessing.panes * encoder.output_shape[-1]
    return join_network(encoder, HEADS[head](geometry.samples, embedding), geometry, preprocessing)


def narrow_encoder(encoder: tf_keras.Model, filters: Mapping[str, int]) -> tf_keras.Model:
    """An encoder of the same form whose convolutions of these names have so many filters; its weights are untaught."""

    def clone(layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
        config = layer.get_config()
        if layer.name in filters:
            config["filters"] = filters[layer.name]
        return type(layer).from_config(config)

    return load_keras().models.clone_model(encoder, clone_function=clone)


def copy_encoder(encoder: tf_keras.Model) -> tf_keras.Model:
    """An encoder of the same form and weights that shares none of them."""
    copy = narrow_encoder(encoder, {})
    copy.set_weights(encoder.get_weights())
    return copy


def mixes_channels(layer: tf_keras.layers.Layer) -> bool:
    """Whether a layer is a convolution whose filters read all channels, and does not filter each for itself."""
    layers = load_keras().layers
    return isinstance(layer, layers.Conv2D) and not isinstance(layer, layers.DepthwiseConv2D)


def save_weights(network: Network, directory: Path) -> None:
    """Write ``encoder.npz`` and ``head.npz``: each model's weights in order."""
    for name, model in (("encoder", network.encoder), ("head", network.head)):
        np.savez(directory / f"{name}.npz", *model.get_weights())


def load_weights(network: Network, directory: Path) -> None:
    """Read what ``save_weights`` wrote into a network of the same form. Raises ``ValueError`` when it is of another."""
    for name, model in (("encoder", network.encoder), ("head", network.head)):
        model.set_weights(_stored(directory, name))


def restore_network(form: Network, directory: Path, geometry: Geometry, preprocessing: Preprocessing) -> Network:
    """The network that ``save_weights`` wrote: of the ``form`` given, but for convolutions that had fewer filters.

    Raises ``ValueError`` when it was of another form.
    """
    filters = _filters(form.encoder, _stored(directory, "encoder"))
    network = form
    if filters:
        network = join_network(narrow_encoder(form.encoder, filters), form.head, geometry, preprocessing)
    load_weights(network, directory)
    return network


def _stored(directory: Path, name: str) -> list[NDArray[np.float32]]:
    with np.load(directory / f"{name}.npz") as stored:
        return [stored[f"arr_{index}"] for index in range(len(stored.files))]


def _filters(encoder: tf_keras.Model, stored: list[NDArray[np.float32]]) -> dict[str, int]:
    """How many filters those convolutions have in the stored weights that have fewer there than in the encoder."""
    place, found = 0, {}
    for layer in encoder.layers:
        if mixes_channels(layer) and place < len(stored) and stored[place].shape[-1] < layer.filters:
            found[layer.name] = stored[place].shape[-1]
        place += len(layer.weights)
    return found


def traced(model: tf_keras.Model) -> Callable[[NDArray[np.float32]], Any]:
    """``model`` as a function of float32 batches of any size, many times faster than calling it layer by layer."""
    tf = load_tensorflow()
    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)]
    return tf.function(lambda batch: model(batch, training=False), input_signature=signature)  # type: ignore[no-any-return]

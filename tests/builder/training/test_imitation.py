from __future__ import annotations

import numpy as np
import pytest

from builder.framework import load_keras
from builder.training.imitation import imitate
from builder.training.network import Network
from builder.training.schedule import Schedule
from tests.builder.tiny_training import PREPROCESSING, encoded, make_network, make_training, silent

pytestmark = pytest.mark.slow
SCHEDULE = Schedule(epochs=8, learning_rate=3e-3, batch=16, weight_decay=0.0, averaging=0.5)
WINDOWS = make_training(8).views(0, 0, range(8))


def imitated(network: Network, wanted: Network, schedule: Schedule = SCHEDULE) -> tuple[float, ...]:
    embeddings = encoded(wanted, WINDOWS)
    panes = WINDOWS.reshape(-1, *PREPROCESSING.pane_shape)
    return imitate(network.encoder, panes, embeddings.reshape(len(panes), -1), schedule, PREPROCESSING, 3, silent)


def strayed(network: Network) -> Network:
    """The network with every convolution's weights a little off."""
    rng = np.random.default_rng(5)
    for layer in network.encoder.layers:
        if isinstance(layer, load_keras().layers.Conv2D):
            layer.set_weights([one * rng.normal(1.0, 0.3, one.shape) for one in layer.get_weights()])
    return network


def test_an_encoder_learns_to_embed_as_another_does() -> None:
    wanted, network = make_network(), strayed(make_network())
    before = float(np.mean((encoded(network, WINDOWS) - encoded(wanted, WINDOWS)) ** 2))
    losses = imitated(network, wanted)
    assert len(losses) == SCHEDULE.epochs
    assert losses[-1] < 0.3 * losses[0]
    assert float(np.mean((encoded(network, WINDOWS) - encoded(wanted, WINDOWS)) ** 2)) < 0.3 * before


def test_frozen_blocks_learn_too_and_are_frozen_again_and_normalisations_stay() -> None:
    wanted, network = make_network(), strayed(make_network(frozen=1))
    could = [layer.trainable for layer in network.encoder.layers]
    before = {layer.name: layer.get_weights() for layer in network.encoder.layers}
    imitated(network, wanted, Schedule(epochs=1, learning_rate=1e-2, batch=4, averaging=0.5))
    assert [layer.trainable for layer in network.encoder.layers] == could
    for layer in network.encoder.layers:
        same = all(np.array_equal(old, new) for old, new in zip(before[layer.name], layer.get_weights(), strict=True))
        assert same is not layer.name.endswith("_conv"), layer.name


def test_the_same_seed_learns_the_same() -> None:
    found = []
    for _ in range(2):
        network = strayed(make_network())
        imitated(network, make_network(), Schedule(epochs=2, batch=16))
        found.append(encoded(network, WINDOWS))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-3, atol=1e-4)

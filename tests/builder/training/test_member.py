from __future__ import annotations

import numpy as np

from builder.training.fit import Schedule
from builder.training.member import train_member
from builder.training.probe import embed_views
from tests.builder.tiny_training import PREPROCESSING, make_network, make_training, silent


def test_a_member_learns_and_keeps_what_is_frozen() -> None:
    network, training = make_network(blocks=3, frozen=1), make_training()
    before = {layer.name: layer.get_weights() for layer in network.encoder.layers if layer.weights}
    embeddings = embed_views(network.encoder, training, 2, PREPROCESSING, silent)
    probe = Schedule(epochs=8, learning_rate=1e-2, batch=8, averaging=0.5)
    tune = Schedule(epochs=2, learning_rate=1e-3, batch=4, averaging=0.5)
    losses = train_member(network, training, embeddings, probe, tune, 1, silent)
    assert {name: len(run) for name, run in losses.items()} == {"probe": 8, "tune": 2}
    assert losses["probe"][-1] < 0.8 * losses["probe"][0]
    logits = np.asarray(network.whole(training.views(9, 0, range(8)), training=False))
    assert (logits.argmax(axis=1) == training.labels().argmax(axis=1)).all()
    changed = {
        name
        for name, weights in before.items()
        if any(
            not np.array_equal(a, b)
            for a, b in zip(weights, network.encoder.get_layer(name).get_weights(), strict=True)
        )
    }
    learning = {f"block{n}_{part}_conv" for n in (1, 2) for part in ("expand", "depth", "project")}
    assert changed == {*learning, "embedding_norm"}

from __future__ import annotations

import numpy as np
import pytest

from builder.data.decode import DecodedClip
from builder.training.adversarial import Alignment
from builder.training.averaging import Swa
from builder.training.batch import Batch
from builder.training.fit import Schedule
from builder.training.geometric import GeometricAugmentation
from builder.training.loss import Focal
from builder.training.member import train_member
from builder.training.mixing import Mixing
from builder.training.oversampling import Oversampling
from builder.training.photometric import PhotometricAugmentation
from builder.training.precision import Precision, computing_in
from builder.training.probe import embed_views
from builder.training.stopping import Stopping
from builder.training.temporal import TemporalAugmentation
from builder.training.training_set import DegradedCopies, TrainingSet
from builder.training.views import Augmentation
from tests.builder.tiny_training import GEOMETRY, PREPROCESSING, make_network, make_training, silent


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


def test_a_member_is_aligned_with_degraded_copies_when_asked() -> None:
    plain = make_training()
    copies = tuple(DecodedClip(clip.times_s, clip.frames // 2 + 64) for clip in plain._footage)
    clips = list(zip(plain.clips, plain._footage, strict=True))
    training = TrainingSet(
        clips, GEOMETRY, PREPROCESSING, Augmentation(noise=0.0), degraded=DegradedCopies(copies, 0.5)
    )
    network = make_network(blocks=1)
    embeddings = embed_views(network.encoder, training, 1, PREPROCESSING, silent)
    tune = Schedule(epochs=3, learning_rate=1e-3, batch=8, averaging=0.5)
    told = train_member(network, training, embeddings, Schedule(epochs=1), tune, 1, silent, alignment=Alignment())
    assert {name: len(run) for name, run in told.items()} == {"probe": 1, "tune": 3, "domain_accuracy": 3}
    assert all(0 <= share <= 1 for share in told["domain_accuracy"])
    # The domain classifier is for training only: the network that is kept has no more weights than it had.
    assert len(network.whole.weights) == len(make_network(blocks=1).whole.weights)


def test_a_member_leaves_its_encoder_as_it_is_when_it_is_not_tuned() -> None:
    network, training = make_network(blocks=2), make_training()
    before = {layer.name: layer.get_weights() for layer in network.encoder.layers if layer.name != "embedding_norm"}
    embeddings = embed_views(network.encoder, training, 2, PREPROCESSING, silent)
    probe = Schedule(epochs=8, learning_rate=1e-2, batch=8, averaging=0.5)
    assert set(train_member(network, training, embeddings, probe, None, 1, silent)) == {"probe"}
    for name, weights in before.items():
        for left, right in zip(weights, network.encoder.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(left, right)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_member_learns_with_every_technique_on(precision: Precision) -> None:
    with computing_in(precision):
        network = make_network(blocks=2, frozen=1)
    plain = make_training()
    held_out = Batch(plain.views(9, 0, range(8)), plain.labels())
    training = TrainingSet(
        list(zip(plain.clips[:7], plain._footage[:7], strict=True)),
        GEOMETRY,
        PREPROCESSING,
        Augmentation(
            temporal=TemporalAugmentation(drop=0.2, lowest_rate_hz=15),
            geometric=GeometricAugmentation(rotation=5),
            photometric=PhotometricAugmentation(gamma=0.2, compression=0.5),
        ),
        oversampling=Oversampling(),
        held_out=held_out,
    )
    assert len(training) == 8
    embeddings = embed_views(network.encoder, training, 2, PREPROCESSING, silent)
    shared = {"focal": Focal(gamma=1.0), "class_weights": "balanced", "mixing": Mixing(mixup=0.2, cutmix=1.0)}
    probe = Schedule(epochs=12, learning_rate=1e-2, batch=8, averaging=0.5, stopping=Stopping(patience=4), **shared)
    tune = Schedule(epochs=3, learning_rate=1e-3, batch=4, swa=Swa(epochs=2, learning_rate=5e-4), **shared)
    losses = train_member(network, training, embeddings, probe, tune, 1, silent)
    assert 4 < len(losses["probe"]) <= 12
    assert len(losses["tune"]) == 3
    whole = make_network(blocks=2, frozen=1)
    for model, trained in ((whole.encoder, network.encoder), (whole.head, network.head)):
        model.set_weights(trained.get_weights())
    logits = np.asarray(whole.whole(held_out.windows, training=False))
    assert (logits.argmax(axis=1) == held_out.labels.argmax(axis=1)).mean() > 0.8

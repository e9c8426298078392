from __future__ import annotations

import numpy as np

from builder.heads import build_tcn
from builder.training.fit import Distillation, Schedule
from builder.training.probe import PROBE_SEED, embed_views, embedder, train_probe
from tests.builder.tiny_training import PREPROCESSING, encoded, make_network, make_training, silent


def test_windows_are_embedded_as_the_encoder_does() -> None:
    network = make_network()
    windows = make_training(8).views(0, 0, [0, 1, 2, 3, 4, 5, 6, 7] * 3)
    embeddings = embedder(network.encoder, PREPROCESSING)(windows)
    assert (embeddings.shape, embeddings.dtype) == ((24, 3, 24), np.float32)
    np.testing.assert_allclose(embeddings, encoded(network, windows), rtol=1e-4, atol=1e-4)


def test_views_are_embedded_one_after_another_all_clips_of_each() -> None:
    network, training = make_network(), make_training(3)
    told: list[tuple[int, int]] = []
    found = embed_views(network.encoder, training, 2, PREPROCESSING, lambda done, total, _: told.append((done, total)))
    wanted = np.concatenate([training.views(PROBE_SEED, number, range(3)) for number in range(2)])
    np.testing.assert_allclose(found, encoded(network, wanted), rtol=1e-4, atol=1e-4)
    assert told == [(1, 2), (2, 2)]


def test_a_head_learns_what_embeddings_tell_and_from_its_teacher_when_it_has_one() -> None:
    rng = np.random.default_rng(1)
    fight = np.arange(40) % 2
    embeddings = (rng.normal(size=(40, 3, 5)) + 2 * fight[:, None, None]).astype(np.float32)
    labels = np.eye(2, dtype=np.float32)[fight]
    schedule = Schedule(epochs=12, learning_rate=0.01, batch=10, averaging=0.5)
    head = build_tcn(3, 5)
    losses = train_probe(head, embeddings, labels, schedule, 1, silent)
    assert losses[-1] < 0.7 * losses[0]
    assert (head.predict(embeddings, verbose=0).argmax(axis=1) == fight).mean() > 0.9
    contrary = build_tcn(3, 5)
    teacher = 4 * (0.5 - labels)
    train_probe(contrary, embeddings, labels, schedule, 1, silent, teacher=teacher, distillation=Distillation(soft=1.0))
    assert (contrary.predict(embeddings, verbose=0).argmax(axis=1) == fight).mean() < 0.1


def test_of_two_that_contradict_each_other_the_one_that_counts_more_is_believed() -> None:
    rng = np.random.default_rng(2)
    embeddings = np.repeat(rng.normal(size=(20, 3, 5)).astype(np.float32), 2, axis=0)
    fight = np.arange(40) % 2
    labels = np.eye(2, dtype=np.float32)[fight]
    schedule = Schedule(epochs=8, learning_rate=0.01, batch=10, averaging=0.5)
    for heavier in (0, 1):
        weights = np.where(fight == heavier, 1.8, 0.2).astype(np.float32)
        head = build_tcn(3, 5)
        train_probe(head, embeddings, labels, schedule, 1, silent, weights=weights)
        assert (head.predict(embeddings, verbose=0).argmax(axis=1) == heavier).mean() > 0.9

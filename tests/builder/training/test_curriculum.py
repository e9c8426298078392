from __future__ import annotations

import numpy as np
import pytest

from builder.training.curriculum import Curriculum, difficulty, paced_epoch, ranks
from builder.training.fit import Schedule
from builder.training.member import train_member
from builder.training.probe import embed_views
from builder.training.training_set import Rotation
from tests.builder.tiny_training import PREPROCESSING, make_network, make_training, silent

LABELS = np.array([[1, 0], [0, 1], [1, 0], [0, 1], [1, 0], [0, 1]], np.float32)


@pytest.mark.parametrize(("done", "share"), [(0.0, 0.5), (0.3, np.sqrt(0.625)), (0.6, 1.0), (1.0, 1.0)])
def test_the_share_of_clips_grows_by_a_square_root_up_to_all(done: float, share: float) -> None:
    assert Curriculum(begin=0.5, until=0.6).share(done) == pytest.approx(share)


def test_ranks_order_each_class_apart_from_the_easiest() -> None:
    np.testing.assert_allclose(ranks(np.array([5.0, 1, 3, 9, 4, 2]), LABELS), [2 / 3, 0, 0, 2 / 3, 1 / 3, 1 / 3])


def test_difficulty_is_the_margin_against_the_label_over_all_views() -> None:
    def head(windows: np.ndarray, training: bool) -> np.ndarray:
        assert not training
        return np.stack([np.zeros(len(windows)), windows[:, 0, 0]], axis=1)

    margins = np.array([2.0, 2.0, -1.0, 4.0, 0.0, -3.0], np.float32).reshape(6, 1, 1)
    np.testing.assert_allclose(difficulty(head, margins, LABELS, 3), [(2 - 4) / 2, (-2 + 0) / 2, (-1 + 3) / 2])


def test_hard_clips_give_way_to_easier_ones_of_their_class_until_all_are_drawn() -> None:
    training, curriculum = make_training(8), Curriculum(begin=0.5, until=0.5)
    hardness = np.arange(8.0)
    places = ranks(hardness, training.labels())
    for number, most in ((0, curriculum.share(3 / 8)), (3, 1.0)):
        makers = paced_epoch(training, curriculum, hardness, 1, 2, 4, number)
        assert len(makers) == len(training.epoch(1, 2, number)) == 4
        chunks = training.chunks(1, 2, number)
        for chunk, maker in zip(chunks, makers, strict=True):
            chosen = maker.args[-1]  # type: ignore[attr-defined]
            assert all(places[clip] < most for clip, _ in chosen)
            batch = maker()
            assert batch.labels.tolist() == training.labels(chunk.tolist()).tolist()
            for window, clip, (given, standing_in) in zip(batch.windows, chunk, chosen, strict=True):
                if not standing_in:
                    assert given == clip
                    np.testing.assert_array_equal(window, training.view(1, number, clip))
    assert not any(standing_in for maker in makers for _, standing_in in maker.args[-1])  # type: ignore[attr-defined]


def test_clips_count_as_much_as_in_any_epoch() -> None:
    training = make_training(8, rotation=Rotation((4, 5, 6, 7), 2))
    makers = paced_epoch(training, Curriculum(begin=1.0), np.arange(8.0), 1, 6, 3, 0)
    (chunk,) = training.chunks(1, 6, 0)
    weights = makers[0]().weights
    assert weights is not None
    assert weights.tolist() == [2 if clip > 3 else 1 for clip in chunk]


def test_an_epoch_is_the_same_whenever_it_is_drawn() -> None:
    training = make_training(8)
    first, again = (
        paced_epoch(training, Curriculum(begin=0.3), np.arange(8.0), 1, 4, 3, 0)[0]().windows for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)


@pytest.mark.slow
def test_a_member_learns_with_a_curriculum() -> None:
    network, training = make_network(), make_training()
    embeddings = embed_views(network.encoder, training, 2, PREPROCESSING, silent)
    probe = Schedule(epochs=8, learning_rate=1e-2, batch=8, averaging=0.5)
    tune = Schedule(epochs=2, learning_rate=1e-3, batch=4, averaging=0.5)
    losses = train_member(network, training, embeddings, probe, tune, 1, silent, curriculum=Curriculum())
    assert len(losses["tune"]) == 2
    logits = np.asarray(network.whole(training.views(9, 0, range(8)), training=False))
    assert (logits.argmax(axis=1) == training.labels().argmax(axis=1)).all()

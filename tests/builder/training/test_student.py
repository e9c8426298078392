from __future__ import annotations

import msgspec
import numpy as np
import pytest

from builder.training.fit import Distillation, Schedule
from builder.training.student import VIEW_SEED, Teacher, TeacherViews, teacher_logits, train_student, with_labels
from builder.training.training_set import Rotation
from tests.builder.tiny_training import PREPROCESSING, encoded, make_network, make_training, silent


def test_the_teacher_is_the_mean_of_its_members_on_the_students_own_views() -> None:
    members, training = [make_network(seed=1), make_network("bilstm", blocks=3, seed=2)], make_training(4)
    logits = teacher_logits([Teacher(member, training) for member in members], 2, silent)
    assert (logits.shape, logits.dtype) == ((2, 4, 2), np.float32)
    for view in range(2):
        windows = TeacherViews(training, logits).windows(view)
        apart = [np.asarray(member.head(encoded(member, windows), training=False)) for member in members]
        np.testing.assert_allclose(logits[view], np.mean(apart, axis=0), rtol=1e-3, atol=1e-3)


def test_each_window_comes_with_its_own_embeddings_when_they_are_hinted_at() -> None:
    training, network = make_training(6), make_network()
    views = TeacherViews(training, np.zeros((2, 6, 2), np.float32))
    views = views.hinting(views.embedded(network.encoder, PREPROCESSING))
    for batch in (draw() for draw in views.epoch(1, 3, 1)):
        assert batch.embeddings is not None
        np.testing.assert_allclose(batch.embeddings, encoded(network, batch.windows), rtol=1e-3, atol=1e-4)


def test_a_shared_encoder_teaches_the_same_as_its_copies_when_members_are_not_tuned() -> None:
    members, training = [make_network(seed=1), make_network("bilstm", seed=2)], make_training(4)
    apart = teacher_logits([Teacher(member, training) for member in members], 1, silent)
    shared = [Teacher(member._replace(encoder=members[0].encoder), training) for member in members]
    np.testing.assert_allclose(teacher_logits(shared, 1, silent), apart, rtol=1e-4, atol=1e-5)


def test_each_member_judges_the_same_views_as_it_sees_them() -> None:
    training = make_training(4)
    stronger = msgspec.structs.replace(PREPROCESSING, difference_gain=1.0)
    seen, member = make_training(4, stronger), make_network(seed=1)
    windows = seen.views(VIEW_SEED, 0, range(4))
    assert not np.array_equal(windows, training.views(VIEW_SEED, 0, range(4)))
    logits = teacher_logits([Teacher(member, seen), Teacher(make_network(seed=2), training)], 1, silent)
    own = teacher_logits([Teacher(member, seen)], 1, silent)
    other = teacher_logits([Teacher(make_network(seed=2), training)], 1, silent)
    np.testing.assert_allclose(logits, (own + other) / 2, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(own[0], np.asarray(member.head(encoded(member, windows), training=False)), atol=1e-3)


@pytest.mark.parametrize(("number", "view"), [(0, 0), (1, 1), (2, 2), (3, 0), (7, 1)])
def test_each_window_comes_with_the_logits_and_label_of_its_own_clip_and_view(number: int, view: int) -> None:
    training = make_training(6)
    marks = np.arange(36, dtype=np.float32).reshape(3, 6, 2)
    batches = [draw() for draw in TeacherViews(training, marks).epoch(1, 3, number)]
    seen = []
    for batch in batches:
        assert batch.logits is not None
        for window, label, logits in zip(batch.windows, batch.labels, batch.logits, strict=True):
            clip = int(logits[0] - marks[view, 0, 0]) // 2
            np.testing.assert_array_equal(window, training.view(VIEW_SEED, view, clip))
            assert label.tolist() == training.labels()[clip].tolist()
            seen.append(clip)
    assert sorted(seen) == list(range(6))


@pytest.mark.parametrize("hinted", [False, True])
def test_an_epoch_shows_of_a_rotation_no_more_than_it_may(hinted: bool) -> None:
    training = make_training(6, rotation=Rotation((2, 3, 4, 5), 1))
    views = TeacherViews(training, np.zeros((2, 6, 2), np.float32))
    if hinted:
        views = views.hinting(np.zeros((2, 6, 3, 1), np.float32) + np.arange(6, dtype=np.float32)[:, None, None])
    (batch,) = [draw() for draw in views.epoch(1, 3, 1)]
    (rows,) = training.chunks(1, 3, 1)
    assert len(rows) == 3
    assert set(rows.tolist()) > {0, 1}
    for window, row in zip(batch.windows, rows.tolist(), strict=True):
        np.testing.assert_array_equal(window, training.view(VIEW_SEED, 1, row))
    if hinted:
        assert batch.embeddings is not None
        assert batch.embeddings[:, 0, 0].tolist() == rows.tolist()
        assert batch.weights is None
    else:
        assert batch.weights is not None
        assert sorted(batch.weights.tolist()) == [1, 1, 4]


def test_the_student_follows_its_teacher_even_where_labels_say_otherwise() -> None:
    training = make_training()
    contrary = np.tile(6 * (0.5 - training.labels()), (2, 1, 1)).astype(np.float32)
    network = make_network(blocks=2)
    losses = train_student(
        network,
        TeacherViews(training, contrary),
        Schedule(epochs=20, learning_rate=1e-2, batch=8, averaging=0.5),
        Schedule(epochs=2, learning_rate=1e-4, batch=4, averaging=0.5),
        Distillation(temperature=2.0, soft=1.0),
        1,
        PREPROCESSING,
        silent,
    )
    assert {name: len(run) for name, run in losses.items()} == {"probe": 20, "tune": 2}
    logits = np.asarray(network.whole(training.views(VIEW_SEED, 0, range(8)), training=False))
    assert (logits.argmax(axis=1) == contrary[0].argmax(axis=1)).all()


def test_what_no_member_judges_is_said_by_its_label() -> None:
    judged = np.array([[[0.25, 0.75], [3.0, -3.0]], [[0.5, 0.0], [2.0, -1.0]]], np.float32)
    labels = np.array([[0, 1], [1, 0], [0, 1], [1, 0]], np.float32)
    said = with_labels(judged, [0, 3], labels, 2.0)
    assert said.dtype == np.float32
    np.testing.assert_array_equal(said[:, [0, 3]], judged)
    np.testing.assert_array_equal(said[:, [1, 2]], [[[1, -1], [-1, 1]]] * 2)

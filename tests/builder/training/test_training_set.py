from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.data.clips import LABELS, Clip
from builder.data.decode import DecodedClip
from builder.errors import RecipeError
from builder.training.oversampling import Oversampling
from builder.training.training_set import AGAIN, DegradedCopies, Rotation, TrainingSet, shuffled
from builder.training.views import Augmentation, draw_view, strengthened
from models.manifest import Geometry, Preprocessing

GEOMETRY = Geometry(samples=3, rate_hz=5.0, frame_gap_s=0.1)
GREY = Preprocessing(size=(8, 8), channels=("grey",), difference_gain=1.0, mean=0.0, scale=1.0)


@pytest.fixture(scope="module")
def training() -> TrainingSet:
    rng = np.random.default_rng(0)
    clips = [
        (
            Clip(f"{n}.mp4", Path(f"{n}.mp4"), LABELS[n % 3 != 0], f"s{n}"),
            DecodedClip(np.arange(30) / 20, rng.integers(0, 256, (30, 10, 10), np.uint8)),
        )
        for n in range(7)
    ]
    return TrainingSet(clips, GEOMETRY, GREY, Augmentation())


def test_labels_are_one_hot_with_calm_first(training: TrainingSet) -> None:
    assert training.labels().tolist() == [[0, 1], [1, 0], [1, 0], [0, 1], [1, 0], [1, 0], [0, 1]]
    assert training.labels([3, 1]).tolist() == [[0, 1], [1, 0]]
    assert training.labels().dtype == np.float32


def test_a_view_is_the_same_whoever_asks_in_whatever_order(training: TrainingSet) -> None:
    views = training.views(5, 2, [4, 0, 6])
    assert views.shape == (3, 3, 8, 8, 1)
    for place, clip in enumerate([4, 0, 6]):
        np.testing.assert_array_equal(views[place], training.view(5, 2, clip))
    assert not np.array_equal(views[0], training.view(5, 3, 4))
    assert not np.array_equal(views[0], training.view(6, 2, 4))


def test_an_epoch_draws_each_clip_at_most_once_with_its_own_label(training: TrainingSet) -> None:
    batches = [draw() for draw in training.epoch(1, 3, 0)]
    assert [len(batch.labels) for batch in batches] == [3, 3]
    drawn = []
    for batch in batches:
        for window, label in zip(batch.windows, batch.labels, strict=True):
            (clip,) = [n for n in range(7) if np.array_equal(window, training.view(1, 0, n))]
            assert label.tolist() == training.labels()[clip].tolist()
            drawn.append(clip)
        assert batch.logits is None
    assert len(set(drawn)) == 6


def test_views_show_copies_as_often_as_asked_and_are_otherwise_cut_alike(training: TrainingSet) -> None:
    plain = Augmentation(noise=0.0, contrast=0.0, brightness=0.0)
    clips = [(clip, training._footage[number]) for number, clip in enumerate(training.clips)]
    inverted = tuple(DecodedClip(decoded.times_s, 255 - decoded.frames) for _, decoded in clips)
    clean = TrainingSet(clips, GEOMETRY, GREY, plain)
    mixed = TrainingSet(clips, GEOMETRY, GREY, plain, degraded=DegradedCopies(inverted, 0.3))
    shown = 0
    for epoch in range(60):
        for clip in range(7):
            view, own = mixed.view(1, epoch, clip).astype(int), clean.view(1, epoch, clip).astype(int)
            copied = (np.abs(view + own - 255) <= 1).all()
            assert copied != np.array_equal(view, own)
            shown += int(copied)
    assert shown / 420 == pytest.approx(0.3, abs=0.07)
    np.testing.assert_array_equal(mixed.with_degraded(0.0).view(1, 0, 0), clean.view(1, 0, 0))
    assert mixed.with_degraded(1.0).labels().tolist() == clean.labels().tolist()


def test_one_clear_error_when_there_are_no_copies_to_show(training: TrainingSet) -> None:
    with pytest.raises(RecipeError, match=r"add the table \[degradation\]"):
        training.with_degraded(1.0)


def test_clips_drawn_again_have_their_copies_too(training: TrainingSet) -> None:
    pairs = list(zip(training.clips, training._footage, strict=True))
    copies = DegradedCopies(tuple(DecodedClip(one.times_s, 255 - one.frames) for _, one in pairs), 1.0)
    even = TrainingSet(pairs, GEOMETRY, GREY, Augmentation(), degraded=copies, oversampling=Oversampling(heavier=2.0))
    original = even.clips.index(even.clips[7])
    heavier, rng = strengthened(Augmentation(), 2.0), np.random.default_rng((1, 2, AGAIN))
    again = draw_view(copies.clips[original], GEOMETRY, GREY, heavier, rng)
    np.testing.assert_array_equal(even.view(1, 2, 7), again)


def test_clips_drawn_again_follow_the_others_with_heavier_views_of_their_own(training: TrainingSet) -> None:
    pairs = list(zip(training.clips, training._footage, strict=True))
    even = TrainingSet(pairs, GEOMETRY, GREY, Augmentation(), oversampling=Oversampling(heavier=2.0))
    # Of the seven, four are calm and three are fights.
    assert len(even) == 8
    assert even.labels().sum(axis=0).tolist() == [4, 4]
    assert even.clips[:7] == training.clips
    for clip in range(7):
        np.testing.assert_array_equal(even.view(1, 2, clip), training.view(1, 2, clip))
    original = even.clips.index(even.clips[7])
    heavier, rng = strengthened(Augmentation(), 2.0), np.random.default_rng((1, 2, AGAIN))
    again = draw_view(training._footage[original], GEOMETRY, GREY, heavier, rng)
    np.testing.assert_array_equal(even.view(1, 2, 7), again)
    assert sum(len(draw().labels) for draw in even.epoch(0, 4, 0)) == 8


@given(st.integers(1, 50), st.integers(1, 12), st.integers(0, 5))
def test_shuffled_gives_full_batches_of_different_rows(count: int, batch: int, seed: int) -> None:
    batches = shuffled(count, batch, (seed, 0))
    rows = np.concatenate(batches)
    assert {len(rows_) for rows_ in batches} == {min(batch, count)}
    assert len(set(rows.tolist())) == len(rows) > count - batch
    assert rows.min() >= 0
    assert rows.max() < count
    assert all(np.array_equal(a, b) for a, b in zip(batches, shuffled(count, batch, (seed, 0)), strict=True))


def test_clips_count_in_proportion_to_their_weights_and_one_on_the_average(training: TrainingSet) -> None:
    pairs = list(zip(training.clips, training._footage, strict=True))
    assert training.weights() is None
    assert training.epoch(0, 2, 0)[0]().weights is None
    weighed = TrainingSet(pairs, GEOMETRY, GREY, Augmentation(), weights=[1, 1, 1, 1, 1, 0.5, 0.5])
    weights = weighed.weights()
    assert weights is not None
    assert weights.mean() == pytest.approx(1)
    np.testing.assert_allclose(weights / weights[0], [1, 1, 1, 1, 1, 0.5, 0.5])
    batch = weighed.epoch(3, 4, 1)[0]()
    chosen = weighed.chunks(3, 4, 1)[0].tolist()
    np.testing.assert_array_equal(batch.weights, weights[chosen])
    again = TrainingSet(
        pairs, GEOMETRY, GREY, Augmentation(), weights=[1, 9, 9, 1, 9, 9, 1], oversampling=Oversampling()
    ).weights()
    assert again is not None
    assert again[7] == pytest.approx(again[0])


def test_a_views_draw_depends_on_its_clips_number_and_on_no_other_clip(training: TrainingSet) -> None:
    pairs = list(zip(training.clips, training._footage, strict=True))
    some = TrainingSet([pairs[1], pairs[4], pairs[6]], GEOMETRY, GREY, Augmentation(), numbers=[1, 4, 6])
    for place, clip in enumerate([1, 4, 6]):
        np.testing.assert_array_equal(some.view(3, 1, place), training.view(3, 1, clip))


def test_epochs_show_clips_of_a_rotation_in_turn_and_all_others_always(training: TrainingSet) -> None:
    pairs = list(zip(training.clips, training._footage, strict=True))
    turning = TrainingSet(pairs, GEOMETRY, GREY, Augmentation(), rotation=Rotation((3, 4, 5, 6), 2))
    shown = [np.concatenate(turning.chunks(1, 5, number)).tolist() for number in range(40)]
    for rows in shown:
        assert len(set(rows)) == len(rows) == 5
        assert set(rows) > {0, 1, 2}
    assert shown[0] == np.concatenate(turning.chunks(1, 5, 0)).tolist()
    for row in (3, 4, 5, 6):
        assert 10 < sum(row in rows for rows in shown) < 30
    assert [len(draw().labels) for draw in turning.epoch(1, 2, 0)] == [2, 2]


def test_clips_of_a_rotation_count_for_those_that_an_epoch_does_not_show(training: TrainingSet) -> None:
    pairs = list(zip(training.clips, training._footage, strict=True))
    rotation = Rotation((3, 4, 5, 6), 2)
    alike = TrainingSet(pairs, GEOMETRY, GREY, Augmentation(), rotation=rotation)
    assert alike.weights() is None
    batch = alike.epoch(1, 5, 0)[0]()
    assert batch.weights is not None
    assert sorted(batch.weights.tolist()) == [1, 1, 1, 2, 2]
    for weight, row in zip(batch.weights, alike.chunks(1, 5, 0)[0], strict=True):
        assert weight == (2 if row in rotation.rows else 1)
    weighed = TrainingSet(pairs, GEOMETRY, GREY, Augmentation(), weights=[1] * 3 + [0.1] * 4, rotation=rotation)
    weights, shown = weighed.weights(), weighed.epoch_weights([0, 4])
    assert weights is not None
    assert shown is not None
    np.testing.assert_allclose(shown, [weights[0], 2 * weights[4]])


def test_a_rotation_that_shows_all_its_clips_changes_nothing(training: TrainingSet) -> None:
    pairs = list(zip(training.clips, training._footage, strict=True))
    full = TrainingSet(pairs, GEOMETRY, GREY, Augmentation(), rotation=Rotation((4, 5, 6), 3))
    for ours, plain in zip(full.chunks(1, 3, 2), training.chunks(1, 3, 2), strict=True):
        np.testing.assert_array_equal(ours, plain)
    assert full.epoch_weights([5]) is None


def test_clips_drawn_again_of_a_rotation_are_shown_in_turn_too(training: TrainingSet) -> None:
    pairs = list(zip(training.clips, training._footage, strict=True))
    every = Rotation(tuple(range(7)), 3)
    even = TrainingSet(pairs, GEOMETRY, GREY, Augmentation(), oversampling=Oversampling(), rotation=every)
    assert len(even) == 8
    shown = {row for number in range(40) for row in np.concatenate(even.chunks(1, 8, number)).tolist()}
    assert shown == set(range(8))
    assert {len(np.concatenate(even.chunks(1, 8, number))) for number in range(40)} == {3}
    weights = even.epoch_weights([7])
    assert weights is not None
    assert weights.tolist() == pytest.approx([8 / 3])

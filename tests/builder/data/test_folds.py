from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.data.clips import LABELS, Clip, Label
from builder.data.folds import forbid_leakage, forbid_overlap, grouped_folds, random_folds
from builder.errors import DataError

labels = st.sampled_from(LABELS)


def make_clips(rows: list[tuple[Label, int]]) -> list[Clip]:
    return [Clip(f"{n}.mp4", Path(f"{n}.mp4"), label, f"s{source}") for n, (label, source) in enumerate(rows)]


@given(st.lists(st.tuples(labels, st.integers(0, 12)), min_size=1, max_size=60), st.integers(2, 5), st.integers(0, 9))
def test_folds_hold_every_clip_once_and_split_no_source(rows: list[tuple[Label, int]], count: int, seed: int) -> None:
    clips = make_clips(rows)
    sources = {clip.source for clip in clips}
    if len(sources) < count:
        with pytest.raises(DataError, match=rf"{len(sources)} source\(s\) cannot fill {count} folds"):
            grouped_folds(clips, count, np.random.default_rng(seed))
        return
    folds = grouped_folds(clips, count, np.random.default_rng(seed))
    assert len(folds) == count
    assert all(folds)
    assert sorted(clip.name for fold in folds for clip in fold) == sorted(clip.name for clip in clips)
    for number, fold in enumerate(folds):
        forbid_leakage([clip for other in folds[number + 1 :] for clip in other], fold)


@pytest.mark.parametrize("seed", range(3))
def test_folds_are_even_in_size_and_class_when_the_sources_allow(seed: int) -> None:
    rows: list[tuple[Label, int]] = [
        (LABELS[source % 2], source) for source in range(40) for _ in range(source % 4 + 1)
    ]
    folds = grouped_folds(make_clips(rows), 5, np.random.default_rng(seed))
    for label in LABELS:
        counts = [sum(clip.label == label for clip in fold) for fold in folds]
        assert max(counts) - min(counts) <= 2


def test_folds_are_the_same_again_and_for_any_order_of_the_clips() -> None:
    clips = make_clips([(LABELS[n % 2], n % 11) for n in range(33)])
    first = grouped_folds(clips, 3, np.random.default_rng(4))
    again = grouped_folds(clips, 3, np.random.default_rng(4))
    turned = grouped_folds(clips[::-1], 3, np.random.default_rng(4))
    other = grouped_folds(clips, 3, np.random.default_rng(5))
    assert first == again
    assert [set(fold) for fold in first] == [set(fold) for fold in turned]
    assert [set(fold) for fold in first] != [set(fold) for fold in other]


def test_leakage_is_refused_by_the_names_of_the_sources() -> None:
    train = make_clips([("fight", 1), ("fight", 2), ("noFight", 3)])
    forbid_leakage(train, make_clips([("fight", 4)]))
    with pytest.raises(DataError, match=r"source\(s\) s2, s3 are both trained on and tested on"):
        forbid_leakage(train, make_clips([("noFight", 3), ("fight", 2), ("fight", 4)]))


def test_random_folds_deal_each_class_out_evenly_and_each_clip_once() -> None:
    clips = [Clip(f"{n}.mp4", Path(f"{n}.mp4"), LABELS[n < 13], f"s{n % 3}") for n in range(30)]
    folds = random_folds(clips, 4, np.random.default_rng(0))
    assert sorted(clip.name for fold in folds for clip in fold) == sorted(clip.name for clip in clips)
    for label in LABELS:
        counts = [sum(clip.label == label for clip in fold) for fold in folds]
        assert max(counts) - min(counts) <= 1
    assert max(map(len, folds)) - min(map(len, folds)) <= 1
    assert folds == random_folds(clips, 4, np.random.default_rng(0))
    assert folds != random_folds(clips, 4, np.random.default_rng(1))


def test_random_folds_are_refused_when_a_class_cannot_fill_them() -> None:
    clips = [Clip(f"{n}.mp4", Path(f"{n}.mp4"), LABELS[n < 3], "s") for n in range(9)]
    with pytest.raises(DataError, match=r"3 clip\(s\) labelled noFight cannot fill 4 folds"):
        random_folds(clips, 4, np.random.default_rng(0))


def test_a_clip_on_both_sides_is_refused_and_a_source_is_not() -> None:
    a, b, c = (Clip(name, Path(name), "fight", "one") for name in "abc")
    forbid_overlap([a, b], [c])
    with pytest.raises(DataError, match=r"clip\(s\) b are both trained on and tested on"):
        forbid_overlap([a, b], [b, c])

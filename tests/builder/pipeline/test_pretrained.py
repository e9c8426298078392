from __future__ import annotations

import weakref
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from builder.data.clips import Clip
from builder.data.decode import DecodedClip
from builder.pipeline.curated import CuratedClips
from builder.pipeline.prepared import NegativeClips, PreparedClips
from builder.pipeline.pretrained import (
    embeddings_of,
    judged_samples,
    pretrained_encoder,
    probe_views,
    stays_pretrained,
    taught_views,
)
from builder.recipe import Recipe, SceneClips
from builder.stages import StageStore
from builder.training.oversampling import Oversampling
from builder.training.precision import Precision
from builder.training.probe import PROBE_SEED, embedder
from builder.training.student import VIEW_SEED
from tests.builder.tiny_training import silent


def untuned(recipe: Recipe) -> Recipe:
    """The recipe with pretrained encoders only."""
    members = msgspec.structs.replace(recipe.members, tune=None)
    return msgspec.structs.replace(recipe, members=members, student=msgspec.structs.replace(recipe.student, tune=None))


def test_all_folds_take_their_rows_of_one_embedding_of_all_clips(prepared: PreparedClips) -> None:
    store = StageStore(prepared.work, lambda *_: None)
    recipe = prepared.recipe
    wanted = probe_views(recipe.each_member()[0])
    embed = embedder(pretrained_encoder(wanted.backbone, wanted.preprocessing), wanted.preprocessing)
    for clips in prepared.folds()[:2]:
        training = prepared.open(clips, store, silent).training(recipe.preprocessing)
        assert len(training.numbers) < len(prepared.whole().train)
        rows = prepared.pretrained(store, silent).views(wanted, training.numbers)
        assert rows.shape[:2] == (1, len(training))
        drawn = training.views(PROBE_SEED, 0, range(len(training)))
        np.testing.assert_allclose(rows[0], embed(drawn), rtol=1e-3, atol=1e-3)
    assert len(list(prepared.work.glob("embed-views-*"))) == 1


def test_a_clips_samples_are_found_among_those_of_all(prepared: PreparedClips) -> None:
    store = StageStore(prepared.work, lambda *_: None)
    recipe, whole = prepared.recipe, prepared.open(prepared.whole(), store, silent)
    wanted = judged_samples(recipe.student.backbone, recipe.preprocessing)
    embed = embedder(pretrained_encoder(wanted.backbone, wanted.preprocessing), wanted.preprocessing)
    pretrained = prepared.pretrained(store, silent)
    for clip in (whole.clips.train[0], whole.clips.train[-1]):
        samples = whole._real.samples(clip, recipe.geometry, recipe.preprocessing).samples
        np.testing.assert_allclose(pretrained.samples(wanted, clip), embed(samples[None])[0], rtol=1e-3, atol=1e-3)


def test_samples_are_embedded_once_however_views_are_drawn(prepared: PreparedClips) -> None:
    store = StageStore(prepared.work, lambda *_: None)
    recipe = prepared.recipe
    still = msgspec.structs.replace(recipe, augmentation=msgspec.structs.replace(recipe.augmentation, zoom=1.0))
    judged = judged_samples(recipe.student.backbone, recipe.preprocessing)
    views = probe_views(recipe.each_member()[0])
    one, other = (replace(prepared, recipe=each).pretrained(store, silent) for each in (recipe, still))
    assert one.stage(judged).key == other.stage(judged).key
    assert one.stage(views).key != other.stage(views).key


def test_what_is_embedded_is_what_a_recipe_trains_on_and_no_more(prepared: PreparedClips) -> None:
    tuned = prepared.recipe
    member = tuned.each_member()[0]
    assert embeddings_of(tuned, student=False) == (probe_views(member),)
    own = tuned.student.backbone, tuned.preprocessing
    assert embeddings_of(tuned, student=True) == (probe_views(member), taught_views(*own, tuned))
    still = untuned(tuned)
    member = still.each_member()[0]
    seen = member.spec.backbone, member.preprocessing
    assert embeddings_of(still, student=False) == (probe_views(member), judged_samples(*seen))
    assert set(embeddings_of(still, student=True)) == {
        probe_views(member),
        judged_samples(*seen),
        taught_views(*seen, still),
        taught_views(*own, still),
        judged_samples(*own),
    }
    again = msgspec.structs.replace(still, oversampling=Oversampling())
    assert set(embeddings_of(again, student=True)) == {judged_samples(*seen), judged_samples(*own)}
    assert (probe_views(member).seed, taught_views(*own, still).seed) == (PROBE_SEED, VIEW_SEED)


@pytest.mark.parametrize("precision", [msgspec.UNSET, "bfloat16"])
def test_only_an_encoder_that_is_not_tuned_in_whole_floats_stays_pretrained(
    prepared: PreparedClips, precision: Precision
) -> None:
    student = msgspec.structs.replace(untuned(prepared.recipe).student, precision=precision)
    assert stays_pretrained(student) is (precision is msgspec.UNSET)
    assert not stays_pretrained(prepared.recipe.student)


def test_blocks_that_may_not_be_tuned_ask_for_no_embedding_of_their_own(prepared: PreparedClips) -> None:
    backbone = prepared.recipe.members.backbone
    assert backbone.frozen
    thawed = msgspec.structs.replace(backbone, frozen=0)
    assert judged_samples(backbone, prepared.recipe.preprocessing) == judged_samples(
        thawed, prepared.recipe.preprocessing
    )


def test_weighing_scenes_otherwise_draws_and_embeds_nothing_anew(prepared: PreparedClips) -> None:
    member = prepared.recipe.each_member()[0]
    store = StageStore(prepared.work, lambda *_: None)
    fold = prepared.folds()[0]
    keys = []
    for weight in (msgspec.UNSET, 0.2):
        scenes = SceneClips(clips=4, seconds=2.0, weight=weight)
        recipe = msgspec.structs.replace(prepared.recipe, scenes=scenes)
        opened = PreparedClips(recipe, prepared.work, prepared.real, prepared.real).open(fold, store, silent)
        keys.append((opened._learnt.key(member.preprocessing), opened._data_key(member.preprocessing)))
        weights = opened.training(recipe.preprocessing).weights()
        real = len(fold.train)
        assert (weights is None) is (weight is msgspec.UNSET)
        if weights is not None:
            np.testing.assert_allclose(weights[real:] / weights[0], 0.2, rtol=1e-6)
    assert keys[0][0] == keys[1][0]
    assert keys[0][1] != keys[1][1]


def test_showing_fewer_scenes_an_epoch_embeds_nothing_anew(prepared: PreparedClips) -> None:
    seen = prepared.recipe.preprocessing
    store, fold = StageStore(prepared.work, lambda *_: None), prepared.folds()[0]
    shown: list[set[int]] = []
    keys = []
    for most in (msgspec.UNSET, 2):
        scenes = SceneClips(clips=4, seconds=2.0, shown=most)
        recipe = msgspec.structs.replace(prepared.recipe, scenes=scenes)
        opened = PreparedClips(recipe, prepared.work, prepared.real, prepared.real).open(fold, store, silent)
        keys.append((opened._learnt.key(seen), opened._data_key(seen)))
        shown.append({int(row) for chunk in opened.training(seen).chunks(1, 1, 0) for row in chunk})
    real, every = set(range(len(fold.train))), shown[0]
    assert shown[1] > real
    assert len(shown[1]) == len(real) + 2 < len(every)
    assert keys[0][0] == keys[1][0]
    assert keys[0][1] != keys[1][1]


def test_training_keeps_no_clip_in_memory_once_it_is_shown(
    prepared: PreparedClips, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, read = prepared.recipe.preprocessing, CuratedClips.wide
    shown: list[weakref.ref[Any]] = []

    def noted(curated: CuratedClips, clip: Clip) -> DecodedClip:
        decoded = read(curated, clip)
        shown.append(weakref.ref(decoded.frames))
        return decoded

    monkeypatch.setattr(CuratedClips, "wide", noted)
    fold, store = prepared.folds()[0], StageStore(prepared.work, lambda *_: None)
    windows = prepared.open(fold, store, silent).training(seen).views(1, 0, [0, 1])
    assert len(windows) == len(shown) == 2
    assert all(frames() is None for frames in shown)


def test_scenes_and_negatives_are_embedded_apart_and_take_their_rows(prepared: PreparedClips) -> None:
    seen, store = prepared.recipe.preprocessing, StageStore(prepared.work, lambda *_: None)
    recipe = msgspec.structs.replace(prepared.recipe, scenes=SceneClips(clips=4, seconds=2.0))
    wanted = probe_views(recipe.each_member()[0])
    told = NegativeClips("again", "MIT", prepared.real)
    opened = replace(prepared, recipe=recipe, scenes=prepared.real, negatives=(told,))
    assert opened.places(wanted) == (0, 1, 2)
    pretrained = opened.pretrained(store, silent)
    stages = pretrained.stages(wanted)
    assert [stage.name for stage in stages] == ["embed-views", "embed-scenes", "embed-negatives1"]
    training = opened.open(prepared.whole(), store, silent).training(seen)
    rows = pretrained.views(wanted, training.numbers)
    embed = embedder(pretrained_encoder(wanted.backbone, seen), seen)
    np.testing.assert_allclose(
        rows[0], embed(training.views(PROBE_SEED, 0, range(len(training)))), rtol=1e-3, atol=1e-3
    )
    alone = prepared.pretrained(store, silent).stages(wanted)
    assert [stage.key for stage in alone] == [stages[0].key]

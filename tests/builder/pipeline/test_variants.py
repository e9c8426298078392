"""Members of several looks, really trained on tiny clips."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from builder.backbones.registry import BackboneSpec
from builder.data.clips import find_clips
from builder.evaluation.scores import read_scores
from builder.framework import load_keras
from builder.members import Members, Variant
from builder.pipeline.curated import CuratedClips, curate, hash_clips
from builder.pipeline.fold_build import SCORES, FoldBuild
from builder.pipeline.fold_clips import FoldClips
from builder.recipe import load_recipe
from builder.stages import Stage, StageStore
from builder.training.fit import Schedule
from builder.training.held_out import Validation
from builder.training.student import VIEW_SEED, teacher_logits, weigh_members
from models.manifest import CloseUp
from tests.builder import tiny_clips
from tests.builder.tiny_training import GEOMETRY, PREPROCESSING, silent

LOOK = msgspec.structs.replace(PREPROCESSING, close_up=CloseUp(canvas=(64, 64), share=0.5))
MEMBERS = Members(
    backbone=BackboneSpec(blocks=2),
    head="moments",
    probe_views=1,
    probe=Schedule(epochs=1, batch=4),
    seeds=(1,),
    variants=(
        Variant(name="wide"),
        Variant(name="timed", head="tcn"),
        Variant(name="near", size=(48, 48), share=0.25),
        Variant(name="deep", backbone=BackboneSpec(blocks=3)),
        Variant(name="tuned", tune=Schedule(epochs=1, batch=4)),
    ),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> FoldBuild:
    found = find_clips(tiny_clips.write_table(tmp_path_factory.mktemp("clips"), fights=6, calm=6, sources=4))
    directory = tmp_path_factory.mktemp("curated")
    curate(found, hash_clips(found.clips, silent), LOOK, directory, silent, lambda _: None)
    curated = CuratedClips(directory)
    plain = load_recipe("quick")
    recipe = msgspec.structs.replace(
        plain,
        geometry=GEOMETRY,
        preprocessing=LOOK,
        members=MEMBERS,
        student=msgspec.structs.replace(plain.student, views=2),
        validation=Validation(share=0.4),
    )
    judge = tuple(clip for clip in curated.clips if clip.source == "camera-3")
    train = tuple(clip for clip in curated.clips if clip not in judge)
    store = StageStore(tmp_path_factory.mktemp("work"), lambda *_: None)
    return FoldBuild(recipe, curated, None, FoldClips(0, train, judge, ()), store, silent)


@pytest.fixture(scope="module")
def stacked(made: FoldBuild) -> FoldBuild:
    """The same fold and finished members, weighed by what is held out."""
    made.members()
    members = msgspec.structs.replace(MEMBERS, averaging="stacked")
    recipe = msgspec.structs.replace(made.recipe, members=members)
    return FoldBuild(recipe, made._real, None, made.clips, made._store, silent)


@pytest.fixture(scope="module")
def members(made: FoldBuild) -> tuple[Stage, ...]:
    return made.members()


def margins(stage: Stage) -> list[float]:
    return [score.margin for score in read_scores(stage.directory / SCORES).clips]


@pytest.mark.usefixtures("members")
def test_views_are_embedded_once_for_all_that_see_the_same_through_the_same_backbone(made: FoldBuild) -> None:
    embedded = [stage for member in made.recipe.each_member() for stage in made.embedded(member)]
    assert len(embedded) == len(made.recipe.each_member())
    assert {stage.name for stage in embedded} == {"embed-views"}
    shapes = [np.load(stage.directory / "embeddings.npy").shape for stage in embedded]
    assert shapes[0] == shapes[2]
    assert len({stage.key for stage in embedded}) == 3


def test_a_variant_alone_is_tuned(made: FoldBuild, members: tuple[Stage, ...]) -> None:
    wide, tuned = members[0], members[4]
    pretrained = made.embedded(made.recipe.each_member()[0])
    assert made.embedded(made.recipe.each_member()[4]) == pretrained
    kept, changed = (np.load(stage.directory / "encoder.npz") for stage in (wide, tuned))
    assert any(not np.array_equal(kept[name], changed[name]) for name in kept.files)


def test_each_member_judges_held_out_clips_as_it_sees_them(made: FoldBuild, members: tuple[Stage, ...]) -> None:
    judged = [margins(stage) for stage in members]
    assert all(len(told) == len(made.clips.judge) for told in judged)
    for member, stage, told in zip(made.recipe.each_member(), members, judged, strict=True):
        network = made.network(member.spec, stage, member.preprocessing)
        scorer = made.scorer(network, member.preprocessing)
        again = made.scores(scorer, made.clips.judge, member.preprocessing)
        np.testing.assert_allclose([score.margin for score in again.clips], told, rtol=1e-4, atol=1e-5)


def test_all_looks_are_of_the_very_same_views(made: FoldBuild) -> None:
    near = made.recipe.each_member()[2].preprocessing
    ours, theirs = made.training(made.recipe.preprocessing), made.training(near)
    assert ours.clips == theirs.clips
    assert (ours.view(1, 0, 0).shape, theirs.view(1, 0, 0).shape) == ((3, 64, 32, 1), (3, 96, 48, 1))
    assert ours.held_out is not None
    assert theirs.held_out is not None
    assert theirs.held_out.windows.shape == (len(ours.held_out.labels), 3, 96, 48, 1)
    # The upper pane is the whole picture for both.
    for clip in range(len(ours)):
        shapes: Any = [training.view(1, 0, clip) for training in (ours, theirs)]
        pictures = [
            np.abs(view[:, :side, :, 0].astype(float) - 128).mean() for view, side in zip(shapes, (32, 48), strict=True)
        ]
        assert pictures[1] == pytest.approx(pictures[0], rel=0.5, abs=2)


def test_the_teacher_is_the_mean_of_what_each_says_of_the_views_as_it_sees_them(
    made: FoldBuild, members: tuple[Stage, ...]
) -> None:
    logits = np.load(made.teacher().directory / "logits.npy")
    apart = []
    for member, stage in zip(made.recipe.each_member(), members, strict=True):
        training = made.training(member.preprocessing)
        whole = made.network(member.spec, stage, member.preprocessing).whole
        apart.append(np.asarray(whole(training.views(VIEW_SEED, 1, range(len(training))), training=False)))
    np.testing.assert_allclose(logits[1], np.mean(apart, axis=0), rtol=1e-3, atol=1e-3)
    mean = np.mean([margins(stage) for stage in members], axis=0)
    np.testing.assert_allclose(margins(made.teacher()), mean, rtol=1e-4, atol=1e-5)


def test_weighed_members_make_their_weighed_mean_and_are_not_trained_again(
    stacked: FoldBuild, made: FoldBuild, members: tuple[Stage, ...]
) -> None:
    assert [stage.key for stage in stacked.members()] == [stage.key for stage in members]
    assert stacked.teacher().key != made.teacher().key
    weights = stacked._weights()
    assert weights is not None
    assert sum(weights) == pytest.approx(1)
    assert max(weights) - min(weights) > 1e-6
    np.testing.assert_allclose(weights, weigh_members(stacked._teachers(members)))
    wanted = np.average([margins(stage) for stage in members], axis=0, weights=weights)
    np.testing.assert_allclose(margins(stacked.teacher()), wanted, rtol=1e-4, atol=1e-5)
    said = [teacher_logits([one], 2, silent) for one in stacked._teachers(members)]
    logits = np.load(stacked.teacher().directory / "logits.npy")
    np.testing.assert_allclose(logits, np.average(said, axis=0, weights=weights), rtol=1e-3, atol=1e-4)
    told = [read_scores(stage.directory / SCORES) for stage in members]
    assert [score.margin for score in stacked.average(told).clips] == margins(stacked.teacher())


def test_a_member_trained_again_has_the_same_weights_whatever_was_drawn_before(
    made: FoldBuild, members: tuple[Stage, ...], tmp_path: Path
) -> None:
    timed = next(member for member in made.recipe.each_member() if member.variant == "timed")
    first = members[made.recipe.each_member().index(timed)]
    load_keras().utils.set_random_seed(99)
    store = StageStore(tmp_path, lambda *_: None)
    again = FoldBuild(made.recipe, made._real, None, made.clips, store, silent).member(timed)
    assert again.directory != first.directory
    one, other = (np.load(stage.directory / "head.npz") for stage in (first, again))
    for name in one.files:
        np.testing.assert_allclose(other[name], one[name], rtol=1e-3, atol=1e-4)

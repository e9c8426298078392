"""Scenes that the student alone learns from, of which the teacher says the label; members are really trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest

from builder.backbones.registry import BackboneSpec
from builder.data.clips import find_clips
from builder.members import Members
from builder.pipeline.curated import CuratedClips, curate, hash_clips
from builder.pipeline.fold_build import FoldBuild
from builder.pipeline.fold_clips import FoldClips
from builder.pipeline.fold_task import fold_tasks
from builder.pipeline.prepared import PreparedClips
from builder.pipeline.pretrained import probe_views, taught_views
from builder.recipe import Recipe, SceneClips, load_recipe
from builder.stages import StageStore
from builder.training.fit import Schedule
from builder.training.oversampling import Oversampling
from tests.builder import tiny_clips
from tests.builder.tiny_training import GEOMETRY, PREPROCESSING, silent

SCENES = SceneClips(clips=4, seconds=2.0, weight=0.5)
TAUGHT = msgspec.structs.replace(SCENES, margin=3.0)


@dataclass(frozen=True)
class Tiny:
    """Clips of three cameras to learn from, one to judge, and clips that stand for scenes."""

    real: Path
    scenes: Path
    work: Path

    def open(self, recipe: Recipe) -> FoldBuild:
        """Their one fold."""
        scenes = None if recipe.scenes is None else CuratedClips(self.scenes)
        real = CuratedClips(self.real)
        judge = tuple(clip for clip in real.clips if clip.source == "camera-3")
        train = tuple(clip for clip in real.clips if clip not in judge)
        store = StageStore(self.work, lambda *_: None)
        return FoldBuild(recipe, real, scenes, FoldClips(0, train, judge, ()), store, silent)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    places = []
    for name, count, sources in (("real", 6, 4), ("scenes", 2, 4)):
        found = find_clips(
            tiny_clips.write_table(tmp_path_factory.mktemp(name), fights=count, calm=count, sources=sources)
        )
        places.append(tmp_path_factory.mktemp(f"curated-{name}"))
        curate(found, hash_clips(found.clips, silent), PREPROCESSING, places[-1], silent, lambda _: None)
    return Tiny(places[0], places[1], tmp_path_factory.mktemp("work"))


def recipe_of(scenes: SceneClips | None) -> Recipe:
    plain = load_recipe("quick")
    members = Members(
        backbone=BackboneSpec(blocks=2), head="moments", probe_views=1, probe=Schedule(epochs=1, batch=4), seeds=(1, 2)
    )
    student = msgspec.structs.replace(plain.student, backbone=BackboneSpec(blocks=3), views=2)
    return msgspec.structs.replace(
        plain, geometry=GEOMETRY, preprocessing=PREPROCESSING, members=members, student=student, scenes=scenes
    )


def test_members_are_those_of_no_scenes_and_the_teacher_says_the_labels(tiny: Tiny) -> None:
    without, taught = tiny.open(recipe_of(None)), tiny.open(recipe_of(TAUGHT))
    shown = tiny.open(recipe_of(SCENES))
    assert [stage.key for stage in taught.members()] == [stage.key for stage in without.members()]
    assert {stage.key for stage in taught.members()}.isdisjoint(stage.key for stage in shown.members())
    training = taught.training(PREPROCESSING)
    real = len(taught.clips.train)
    logits = np.load(taught.teacher().directory / "logits.npy")
    assert logits.shape == (2, len(training), 2)
    np.testing.assert_array_equal(logits[:, :real], np.load(without.teacher().directory / "logits.npy"))
    np.testing.assert_array_equal(logits[:, real:], [3.0 * (training.labels()[real:] - 0.5)] * 2)
    other = np.load(shown.teacher().directory / "logits.npy")
    assert float(np.abs(other[:, real:]).min()) != pytest.approx(1.5)


def test_a_teacher_is_another_of_another_margin_and_of_scenes_that_count_otherwise(tiny: Tiny) -> None:
    specs = (TAUGHT, msgspec.structs.replace(TAUGHT, margin=2.0), msgspec.structs.replace(TAUGHT, weight=0.25))
    folds = [tiny.open(recipe_of(spec)) for spec in specs]
    assert len({fold.teacher().key for fold in folds}) == 3
    assert len({fold.members()[0].key for fold in folds}) == 1


def test_only_what_the_student_sees_is_embedded_of_scenes(tiny: Tiny) -> None:
    recipe = recipe_of(TAUGHT)
    prepared = PreparedClips(recipe, tiny.work, tiny.real, tiny.scenes)
    member, student = recipe.each_member()[0], recipe.student
    own, theirs = (taught_views(spec.backbone, PREPROCESSING, recipe) for spec in (student, member.spec))
    assert prepared.places(own) == (0, 1)
    assert prepared.places(theirs) == prepared.places(probe_views(member)) == (0,)
    embedding, shown = (
        fold_tasks(PreparedClips(each, tiny.work, tiny.real, tiny.scenes), [], "student")
        for each in (recipe, recipe_of(SCENES))
    )
    assert len(shown) - len(embedding) == 2


def test_clips_drawn_again_are_judged_too_and_scenes_among_them_are_not(tiny: Tiny) -> None:
    scenes = msgspec.structs.replace(recipe_of(TAUGHT), oversampling=Oversampling(ratio=1.0, heavier=1.0))
    fold = tiny.open(scenes)
    lopsided = fold.clips._replace(train=fold.clips.train[:4] + fold.clips.train[4:][-1:])
    again = FoldBuild(scenes, fold._real, CuratedClips(tiny.scenes), lopsided, fold._store, silent)
    training = again.training(PREPROCESSING)
    drawn = CuratedClips(tiny.scenes).clips
    assert len(training) > len(lopsided.train) + len(drawn)
    said = np.load(again.teacher().directory / "logits.npy")
    margins = said[..., 1] - said[..., 0]
    labels = 2 * training.labels()[:, 1] - 1
    of_scenes = np.array([clip in drawn for clip in training.clips])
    np.testing.assert_array_equal(margins[:, of_scenes], np.broadcast_to(3.0 * labels[of_scenes], (2, of_scenes.sum())))
    assert not np.isclose(np.abs(margins[:, ~of_scenes]), 3.0).any()

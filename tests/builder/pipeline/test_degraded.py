from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from builder.data.clips import ClipFolder, find_clips
from builder.data.degradation import Degradation, decode_degraded, shrink_clip
from builder.pipeline import degraded as degraded_stages
from builder.pipeline.curated import CuratedClips, curate, hash_clips, with_margin
from builder.pipeline.degraded import degraded_stage
from builder.pipeline.fold_build import FoldBuild
from builder.pipeline.fold_clips import FoldClips
from builder.pipeline.prepared import curate_stage, prepare
from builder.recipe import Negatives, Recipe, SceneClips, load_recipe
from builder.stages import Stage, StageStore
from builder.training.held_out import Validation
from models.manifest import Preprocessing
from tests.builder import tiny_clips
from tests.builder.execution.told import Remembered
from tests.builder.tiny_training import silent

SMALL = Preprocessing(size=(16, 24), channels=("acceleration",), difference_gain=4.0, mean=128.0, scale=128.0)
LIGHT = Degradation(cell_px=(64, 80), seed=3)


class Folder:
    """Two clips and a broken one, curated, and a count of the stages that ran."""

    def __init__(self, directory: Path) -> None:
        data = tiny_clips.write_table(directory / "data", fights=1, calm=1, sources=2)
        with (data / "clips.csv").open("a", encoding="utf-8") as table:
            table.write("broken.mp4,fight,camera-0\n")
        (data / "broken.mp4").write_bytes(b"no video")
        self.found: ClipFolder = find_clips(data)
        self.ran: list[str] = []
        self.store = StageStore(directory / "work", lambda name, done: None if done else self.ran.append(name))
        digests = hash_clips(self.found.clips, silent)
        self.curated: Stage = self.store.run(
            "curate", digests, lambda out: curate(self.found, digests, SMALL, out, silent, lambda _: None)
        )

    def degraded(self, ranges: Degradation) -> CuratedClips:
        stage = degraded_stage(self.curated, self.found, ranges, SMALL, self.store, silent)
        return CuratedClips(stage.directory)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_each_clip_has_its_copy_beside_itself(folder: Folder) -> None:
    before = CuratedClips(folder.curated.directory)
    after = folder.degraded(LIGHT)
    assert [clip.name for clip in after.clips] == ["fight/f0.mp4", "noFight/n0.mp4"]
    assert after.listed.skipped == before.listed.skipped
    assert after.listed.fingerprint == before.listed.fingerprint
    wide = with_margin(SMALL)
    for one, other, file in zip(before.clips, after.clips, folder.found.clips, strict=False):
        np.testing.assert_array_equal(before.wide(one).frames, after.wide(other).frames)
        wanted = shrink_clip(decode_degraded(file, wide, LIGHT, 3), wide)
        np.testing.assert_array_equal(after.degraded(other).frames, wanted.frames)
        np.testing.assert_array_equal(after.degraded(other).times_s, wanted.times_s)
        assert wanted.frames.shape[1:] == (20, 30)


def test_the_curated_clips_are_left_as_they_were(folder: Folder) -> None:
    before = {path.name: path.read_bytes() for path in folder.curated.directory.iterdir()}
    folder.degraded(LIGHT)
    assert {path.name: path.read_bytes() for path in folder.curated.directory.iterdir()} == before


def test_clips_are_copied_where_they_cannot_be_linked(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no hard links here")

    monkeypatch.setattr(degraded_stages.os, "link", refuse)
    clips = folder.degraded(LIGHT)
    assert clips.wide(clips.clips[0]).frames.shape == (20, 20, 30)


def test_copies_are_made_again_when_what_they_are_drawn_from_changes_and_only_then(folder: Folder) -> None:
    folder.degraded(LIGHT)
    folder.degraded(msgspec.structs.replace(LIGHT, degrade=0.9))
    assert folder.ran == ["curate", "curate-degraded"]
    folder.degraded(msgspec.structs.replace(LIGHT, seed=4))
    folder.degraded(msgspec.structs.replace(LIGHT, filmed=1.0))
    assert folder.ran == ["curate"] + 3 * ["curate-degraded"]


def make_fold(folder: Folder, recipe: Recipe, real: CuratedClips) -> FoldBuild:
    clips = FoldClips(0, real.clips[:1], real.clips[1:], ())
    return FoldBuild(recipe, real, None, clips, folder.store, silent)


def test_a_fold_learns_from_copies_when_the_recipe_has_them(folder: Folder) -> None:
    quick = msgspec.structs.replace(load_recipe("quick"), preprocessing=SMALL)
    on = msgspec.structs.replace(quick, degradation=msgspec.structs.replace(LIGHT, degrade=1.0))
    plain = make_fold(folder, quick, CuratedClips(folder.curated.directory)).training(SMALL)
    degraded = make_fold(folder, on, folder.degraded(LIGHT)).training(SMALL)
    assert not np.array_equal(plain.view(1, 0, 0), degraded.view(1, 0, 0))
    np.testing.assert_array_equal(plain.view(1, 0, 0), degraded.with_degraded(0.0).view(1, 0, 0))


def test_the_key_of_a_folds_data_is_what_it_was_without_degradation(folder: Folder) -> None:
    recipe = msgspec.structs.replace(load_recipe("quick"), preprocessing=SMALL)
    real = CuratedClips(folder.curated.directory)
    key = make_fold(folder, recipe, real)._data_key(SMALL)
    train = ["fight/f0.mp4"]
    assert key == (((real.listed.fingerprint, 0, recipe.geometry, SMALL, recipe.augmentation),), train)
    on = msgspec.structs.replace(recipe, degradation=LIGHT)
    assert make_fold(folder, on, folder.degraded(LIGHT))._data_key(SMALL) != key


def test_copies_are_of_the_very_clips_that_are_learnt_from(folder: Folder, tmp_path: Path) -> None:
    """Copies of held-out clips must be out of training too, and scenes and negatives have copies of their own."""
    recipe = msgspec.structs.replace(
        load_recipe("quick"),
        preprocessing=SMALL,
        degradation=msgspec.structs.replace(LIGHT, degrade=1.0),
        validation=Validation(share=0.5),
        scenes=SceneClips(clips=4, seconds=2.0),
        negatives=Negatives(folders=(str(tiny_clips.write_table(tmp_path / "mined", fights=0, calm=1, sources=1)),)),
    )
    table = (tmp_path / "mined" / "clips.csv").read_text()
    (tmp_path / "mined" / "clips.csv").write_text(table.replace("camera-0", "elsewhere"))
    mined = next((tmp_path / "mined").rglob("*.mp4"))
    mined.write_bytes(mined.read_bytes() + b"of another recording")
    data = tiny_clips.write_table(tmp_path / "more", fights=4, calm=4, sources=4)
    prepared = prepare(data, recipe, folder.store, Remembered(), "1.0")
    training = prepared.open(prepared.whole(), folder.store, silent).training(SMALL)
    assert len(training) < len(CuratedClips(prepared.real).clips) + 4 + 1
    assert prepared.scenes is not None
    everywhere = [CuratedClips(place) for place in (prepared.real, prepared.scenes, prepared.negatives[0].directory)]
    homes = {clip: curated for curated in everywhere for clip in curated.clips}
    for number, clip in enumerate(training.clips):
        copy = homes[clip].degraded(clip)
        shown = training._shown(1, 0, number).decoded()
        np.testing.assert_array_equal(shown.frames, copy.frames)
        np.testing.assert_array_equal(shown.times_s, copy.times_s)


def test_what_is_only_judged_has_no_copies(folder: Folder) -> None:
    recipe = msgspec.structs.replace(load_recipe("quick"), preprocessing=SMALL, degradation=LIGHT)
    stage = curate_stage("curate", folder.found, recipe, folder.store, Remembered())
    assert CuratedClips(stage.directory).listed.degraded is msgspec.UNSET
    assert "curate-degraded" not in folder.ran

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from builder.data.clips import Clip, Label, find_clips
from builder.errors import DataError
from builder.pipeline.curated import CuratedClips, curate, hash_clips
from builder.pipeline.fold_build import FoldBuild, FoldClips
from builder.recipe import load_recipe
from builder.stages import StageStore
from builder.training.geometric import GeometricAugmentation
from builder.training.held_out import Validation
from builder.training.oversampling import Oversampling
from builder.training.views import Augmentation
from tests.builder import tiny_clips
from tests.builder.tiny_training import GEOMETRY, PREPROCESSING, silent


def make_clip(name: str, source: str, label: Label = "fight") -> Clip:
    return Clip(name, Path(name), label, source)


TRAIN = (make_clip("a", "s1"), make_clip("b", "s2"))
UNUSED: Any = SimpleNamespace()


@pytest.mark.parametrize(
    ("judge", "calibrate"),
    [
        ((make_clip("c", "s2"),), ()),
        ((make_clip("c", "s3"),), (make_clip("d", "s1"),)),
    ],
)
def test_a_fold_is_refused_when_a_source_is_learnt_from_and_held_out(
    tmp_path: Path, judge: tuple[Clip, ...], calibrate: tuple[Clip, ...]
) -> None:
    store = StageStore(tmp_path, lambda *_: None)
    with pytest.raises(DataError, match="both trained on and tested on"):
        FoldBuild(load_recipe("quick"), UNUSED, None, FoldClips(0, TRAIN, judge, calibrate), store, silent)


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> CuratedClips:
    """Eight fights and four calm clips of six sources."""
    found = find_clips(tiny_clips.write_table(tmp_path_factory.mktemp("clips"), fights=8, calm=4, sources=6))
    directory = tmp_path_factory.mktemp("curated")
    curate(found, hash_clips(found.clips, silent), PREPROCESSING, directory, silent, lambda _: None)
    return CuratedClips(directory)


def fold(curated: CuratedClips, directory: Path, **options: Any) -> FoldBuild:
    """A fold that learns from the first five sources and judges the sixth."""
    recipe = msgspec.structs.replace(load_recipe("quick"), geometry=GEOMETRY, preprocessing=PREPROCESSING, **options)
    judge = tuple(clip for clip in curated.clips if clip.source == "camera-5")
    train = tuple(clip for clip in curated.clips if clip not in judge)
    store = StageStore(directory, lambda *_: None)
    return FoldBuild(recipe, curated, None, FoldClips(0, train, judge, ()), store, silent)


@pytest.mark.parametrize("seed", range(4))
def test_what_training_is_judged_by_is_of_sources_that_are_neither_learnt_from_nor_judged(
    curated: CuratedClips, tmp_path: Path, seed: int
) -> None:
    made = fold(curated, tmp_path, validation=Validation(share=0.4, windows=2, seed=seed))
    training = made.training()
    learnt = {clip.source for clip in training.clips}
    held_out = {clip.source for clip in curated.clips} - learnt - {"camera-5"}
    assert learnt
    assert held_out
    assert "camera-5" not in learnt
    clips = [clip for clip in curated.clips if clip.source in held_out]
    assert training.held_out is not None
    assert training.held_out.windows.shape == (2 * len(clips), 3, 32, 32, 1)
    assert training.held_out.labels[:, 1].sum() == 2 * sum(clip.fight for clip in clips)


def test_all_is_learnt_from_and_nothing_held_out_when_it_is_not_asked(curated: CuratedClips, tmp_path: Path) -> None:
    made = fold(curated, tmp_path)
    assert made.training().held_out is None
    assert {clip.source for clip in made.training().clips} == {f"camera-{number}" for number in range(5)}


def test_the_rarer_class_is_drawn_again_when_it_is_asked(curated: CuratedClips, tmp_path: Path) -> None:
    plain = fold(curated, tmp_path).training()
    even = fold(curated, tmp_path, oversampling=Oversampling()).training()
    calm, fights = plain.labels().sum(axis=0)
    assert calm != fights
    assert even.labels().sum(axis=0).tolist() == [max(calm, fights)] * 2


def test_the_key_of_a_folds_data_changes_only_with_what_is_asked(curated: CuratedClips, tmp_path: Path) -> None:
    options: list[dict[str, Any]] = [
        {},
        {"validation": Validation()},
        {"validation": Validation(seed=1)},
        {"oversampling": Oversampling()},
        {"augmentation": Augmentation(geometric=GeometricAugmentation(rotation=3.0))},
    ]
    keys = [msgspec.json.encode(fold(curated, tmp_path, **option)._data_key()) for option in options]
    assert len(set(keys)) == len(keys)
    today = (
        curated.listed.fingerprint,
        None,
        [clip.name for clip in curated.clips if clip.source != "camera-5"],
        GEOMETRY,
        PREPROCESSING,
        Augmentation(),
    )
    assert keys[0] == msgspec.json.encode(today)

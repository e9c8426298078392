from __future__ import annotations

import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from builder.data.clips import LABELS, Clip
from builder.data.folds import FoldProtocol, forbid_leakage
from builder.errors import DataError, RecipeError
from builder.pipeline.curated import CuratedClips
from builder.pipeline.prepared import deal_folds, prepare
from builder.recipe import Folds, Quantization, SceneClips, load_recipe
from builder.stages import StageStore
from tests.builder import tiny_clips
from tests.builder.execution.told import Remembered


def listed(sources: int) -> Any:
    """Curated clips as far as folds look at them: four of each source."""
    clips = [Clip(f"{n}.mp4", Path(f"{n}.mp4"), LABELS[n % 2], f"s{n // 4}") for n in range(4 * sources)]
    return SimpleNamespace(clips=tuple(clips))


@pytest.mark.parametrize(("count", "judged"), [(5, 5), (2, 2), (5, 1), (3, 1)])
def test_each_clip_is_learnt_from_judged_or_kept_and_no_source_in_two_ways(count: int, judged: int) -> None:
    real = listed(9)
    recipe = msgspec.structs.replace(load_recipe("quick"), folds=Folds(count=count, judged=judged, seed=3))
    folds = deal_folds(real.clips, recipe)
    assert [fold.number for fold in folds] == list(range(judged))
    for fold in folds:
        parts = (fold.train, fold.judge, fold.calibrate)
        assert sorted(clip.name for part in parts for clip in part) == sorted(clip.name for clip in real.clips)
        forbid_leakage(fold.train, (*fold.judge, *fold.calibrate))
        forbid_leakage(fold.judge, fold.calibrate)
        assert fold.train
        assert fold.judge
        assert bool(fold.calibrate) is (judged == 1)
    if judged == count:
        assert sorted(clip.name for fold in folds for clip in fold.judge) == sorted(clip.name for clip in real.clips)


def test_random_folds_split_sources_hold_no_clip_twice_and_say_so() -> None:
    real = listed(9)
    recipe = msgspec.structs.replace(load_recipe("quick"), folds=Folds(count=3, judged=3))
    folds = deal_folds(real.clips, recipe, "random")
    for fold in folds:
        assert fold.protocol == "random"
        assert not set(fold.train) & set(fold.judge)
        with pytest.raises(DataError, match="both trained on and tested on"):
            forbid_leakage(fold.train, fold.judge)
        fold.require_apart()
    assert sorted(clip.name for fold in folds for clip in fold.judge) == sorted(clip.name for clip in real.clips)


@pytest.mark.parametrize(
    ("protocol", "table", "warning"),
    [
        ("grouped", True, None),
        ("grouped", False, "sources are unknown"),
        ("random", True, "random folds: clips of one camera stand on both sides"),
        ("random", False, "random folds: clips of one camera stand on both sides"),
    ],
)
def test_what_makes_figures_too_good_is_warned_of(
    tmp_path: Path, protocol: FoldProtocol, table: bool, warning: str | None
) -> None:
    data = tmp_path / "clips"
    if table:
        tiny_clips.write_table(data, fights=2, calm=2, sources=4)
    else:
        tiny_clips.write_tree(data, fights=2, calm=2)
    recipe = msgspec.structs.replace(load_recipe("quick"), scenes=None, folds=Folds(count=2, judged=2))
    display = Remembered()
    store = StageStore(tmp_path / "work", display.stage)
    prepared = prepare(data, recipe, store, display, "1.0", protocol)
    assert [line.startswith(warning or "?") for line in display.warnings] == ([] if warning is None else [True])
    again = pickle.loads(pickle.dumps(prepared))  # noqa: S301 - made just here
    assert again.folds() == prepared.folds()
    assert {fold.protocol for fold in again.folds()} == {protocol}
    whole = again.whole()
    assert (len(whole.train), whole.judge, whole.calibrate) == (4, (), ())


def test_float_layers_that_the_student_has_not_are_refused_before_anything_is_done(tmp_path: Path) -> None:
    asked = Quantization(float_layers=("block0_depth_conv", "toaster"))
    recipe = msgspec.structs.replace(load_recipe("quick"), quantization=asked)
    display = Remembered()
    store = StageStore(tmp_path / "work", display.stage)
    known = r"no layer named 'toaster'; there are stem_conv, block0_depth_conv, .*block1_expand_conv"
    with pytest.raises(RecipeError, match=rf"^quantization\.float_layers: {known}"):
        prepare(tmp_path / "clips", recipe, store, display, "1.0")
    assert not store.finished


def test_scenes_are_drawn_as_many_and_as_calm_as_asked_and_not_anew_when_they_are_shown_otherwise(
    tmp_path: Path,
) -> None:
    data = tmp_path / "clips"
    tiny_clips.write_table(data, fights=2, calm=2, sources=4)
    plain = msgspec.structs.replace(load_recipe("quick"), folds=Folds(count=2, judged=2))
    drawn = []
    for scenes in (
        SceneClips(clips=4, calm=3, seconds=2.0),
        SceneClips(clips=4, calm=3, seconds=2.0, weight=0.1, shown=2),
    ):
        display = Remembered()
        store = StageStore(tmp_path / "work", display.stage)
        prepared = prepare(data, msgspec.structs.replace(plain, scenes=scenes), store, display, "1.0", "grouped")
        assert prepared.scenes is not None
        drawn.append(prepared.scenes)
    assert drawn[0] == drawn[1]
    assert sorted(clip.fight for clip in CuratedClips(drawn[0]).clips) == [False] * 5 + [True] * 2

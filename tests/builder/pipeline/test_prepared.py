from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from builder.data.clips import LABELS, Clip
from builder.data.folds import forbid_leakage
from builder.pipeline.prepared import deal_folds
from builder.recipe import Folds, load_recipe


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

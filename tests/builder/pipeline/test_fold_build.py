from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from builder.data.clips import Clip, Label
from builder.errors import DataError
from builder.pipeline.fold_build import FoldBuild, FoldClips
from builder.recipe import load_recipe
from builder.stages import StageStore
from tests.builder.tiny_training import silent


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

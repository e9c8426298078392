from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from builder.execution.executor import TaskError, run_tasks
from builder.execution.ray_tasks import RayError, RayExecutor
from builder.pipeline.fold_task import fold_tasks
from builder.pipeline.prepared import prepare
from builder.recipe import Recipe, with_all_folds
from builder.stages import StageStore
from tests.builder import tiny_clips
from tests.builder.execution.tiny_tasks import DieFirst, Write
from tests.builder.execution.told import Remembered
from tests.builder.tiny_recipe import RECIPE


def test_one_clear_error_when_ray_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(RayError, match=r"Ray cannot be imported .*'nexaravision\[ray\]', or use --executor local"):
        RayExecutor()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_member_whose_ray_worker_is_killed_is_trained_again_and_an_error_is_named(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'nexaravision[ray]'")
    data = tiny_clips.write_table(tmp_path / "clips", fights=4, calm=4, sources=8)
    recipe = with_all_folds(msgspec.toml.decode(RECIPE, type=Recipe), 2)
    recipe = msgspec.structs.replace(recipe, members=msgspec.structs.replace(recipe.members, seeds=(1,)))
    display = Remembered()
    store = StageStore(tmp_path / "work", display.stage)
    prepared = prepare(data, recipe, store, display, "1.0")
    member = replace(fold_tasks(prepared, prepared.folds(), "ensemble")[1], needs=())
    with RayExecutor(2) as executor:
        run_tasks([DieFirst(member, tmp_path), Write("other", tmp_path)], executor, display)
        with pytest.raises(TaskError, match=r"^bad: no such camera$"):
            run_tasks([Write("bad", tmp_path, error="no such camera")], executor, display)
    assert len(display.warnings) == 1
    assert display.warnings[0].startswith("fold0-member1: its Ray worker is gone")
    first, second = display.opened["fold0-member1"]
    assert first.stages == [("embed-views", False)]
    assert second.stages == [("embed-views", False), ("fold0-member1", False)]
    assert second.steps[-1][0] == second.steps[-1][1]
    assert member.is_done()
    assert int((tmp_path / "other").read_text()) != os.getpid()
    assert display.opened["other"][0].warnings == ["other warns"]
    assert not list((tmp_path / "work").glob("*.part"))

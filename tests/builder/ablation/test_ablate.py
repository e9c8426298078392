from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from builder.ablation.ablate import AblationOptions, ablate, of_turn
from builder.ablation.choice import choose
from builder.ablation.technique import Network, patch_recipe
from builder.execution.executor import Event, Finished
from builder.execution.task import Task
from builder.pipeline.fold_build import FoldBuild
from builder.pipeline.fold_task import EmbedTask, MemberTask
from builder.pipeline.prepared import prepare
from builder.recipe import Recipe, load_recipe, with_all_folds
from builder.stages import StageStore
from tests.builder.execution.told import Remembered
from tests.builder.pipeline.filled import FilledStore, fill
from tests.builder.tiny_recipe import RECIPE
from tests.builder.tiny_training import silent


@pytest.mark.parametrize(
    ("network", "wanted"),
    [
        ("member", [(1,), (2,), (3,), (4,)]),
        ("ensemble", [(1, 2, 3), (4, 5, 6), (7, 8, 9), (10, 11, 12)]),
        ("unpruned", [(1, 2, 3)] * 4),
        ("student", [(1, 2, 3)] * 4),
    ],
)
def test_each_turn_has_seeds_of_its_own_and_begins_with_those_of_a_build(
    network: Network, wanted: list[tuple[int, ...]]
) -> None:
    recipe = patch_recipe(load_recipe("full"), {"members.seeds": [1, 2, 3]}, "here")
    turns = [of_turn(recipe, recipe.members.seeds, network, turn) for turn in range(4)]
    assert [turn.members.seeds for turn in turns] == wanted
    students = [turn.student.seed for turn in turns]
    assert students == ([11, 12, 13, 14] if network in {"unpruned", "student"} else [11] * 4)


def test_a_member_alone_is_of_no_variant_and_an_ensemble_keeps_them_all() -> None:
    recipe = load_recipe("full")
    variants = {network: of_turn(recipe, (1,), network, 0).members.variants for network in ("member", "ensemble")}
    assert variants == {"member": (), "ensemble": recipe.members.variants}


def test_an_ensemble_of_one_takes_the_seeds_of_single_members() -> None:
    recipe = patch_recipe(load_recipe("full"), {"members.seeds": [1, 2, 3]}, "here")
    single = patch_recipe(recipe, {"members.seeds": [1]}, "here")
    turns = [of_turn(single, recipe.members.seeds, "ensemble", turn).members.seeds for turn in range(3)]
    assert turns == [(1,), (2,), (3,)]


class Filling:
    """An executor that leaves what looks like each task's stages; it remembers the tasks that it was given."""

    slots = 1

    def __init__(self) -> None:
        self.given: list[str] = []

    def start(self, task: Task) -> None:
        assert isinstance(task, EmbedTask | MemberTask)
        self.given.append(task.name)
        prepared = task.prepared
        fold = prepared.folds()[0] if isinstance(task, EmbedTask) else task.clips
        store = FilledStore(prepared.work, fold)
        if isinstance(task, EmbedTask):
            prepared.pretrained(store, silent).stage(task.embedding, task.place)
        else:
            prepared.open(fold, store, silent).member(task.member)

    def wait(self) -> Event:
        return Finished(self.given[-1])


def asked_of(data: Path, out: Path, names: list[str], executor: Filling) -> AblationOptions:
    """One member a state of each technique, on three folds."""
    recipe = with_all_folds(msgspec.toml.decode(RECIPE, type=Recipe), 3)
    return AblationOptions(
        data=data,
        out=out,
        recipe=recipe,
        techniques=choose(names, "member", recipe),
        network="member",
        seeds=1,
        code_version="1.0",
        executor=lambda: nullcontext(executor),
    )


def test_all_techniques_are_trained_side_by_side_and_each_is_told_once_its_own_are_done(
    tiny_data: Path, tmp_path: Path
) -> None:
    names, executor = ["flip", "zoom", "mixup"], Filling()
    options = asked_of(tiny_data, tmp_path, names, executor)
    told: list[tuple[int, int]] = []
    found = ablate(options, Remembered(), lambda so_far: told.append((len(so_far.rows), len(executor.given))))
    assert [row.name for row in found.rows] == names
    assert [rows for rows, _ in told] == [1, 2, 3]
    assert told[0][1] < told[1][1] < told[2][1] == len(executor.given)
    assert {name.split()[0] for name in executor.given[: told[0][1]]} == {"flip"}


def test_rows_of_an_earlier_run_are_kept_until_they_are_measured_anew(tiny_data: Path, tmp_path: Path) -> None:
    first = ablate(asked_of(tiny_data, tmp_path, ["flip", "zoom"], Filling()), Remembered(), lambda _: None)
    moved = shutil.copytree(tiny_data, tmp_path / "moved")
    asked = replace(asked_of(moved, tmp_path, ["mixup", "zoom"], Filling()), earlier=first)
    told: list[list[str]] = []
    found = ablate(asked, Remembered(), lambda so_far: told.append([row.name for row in so_far.rows]))
    assert told == [["flip", "zoom", "mixup"], ["flip", "mixup", "zoom"]]
    assert found.key == first.key
    assert found.rows[0] == first.rows[0]


@pytest.mark.parametrize("change", ["seeds", "recipe", "version", "clips"])
def test_rows_of_what_was_not_the_same_are_not_kept_and_it_is_said(
    tiny_data: Path, tmp_path: Path, change: str
) -> None:
    asked = asked_of(tiny_data, tmp_path, ["flip"], Filling())
    first = ablate(asked, Remembered(), lambda _: None)
    data = shutil.copytree(tiny_data, tmp_path / "copied")
    if change == "clips":
        with next(data.rglob("*.mp4")).open("ab") as clip:
            clip.write(b"another")
    other = replace(
        asked_of(data, tmp_path, ["zoom"], Filling()),
        earlier=first,
        seeds=2 if change == "seeds" else 1,
        recipe=patch_recipe(asked.recipe, {"folds.seed": 9}, "here") if change == "recipe" else asked.recipe,
        code_version="1.1" if change == "version" else "1.0",
    )
    display = Remembered()
    found = ablate(other, display, lambda _: None)
    assert [row.name for row in found.rows] == ["zoom"]
    assert any("its rows are not kept" in warning for warning in display.warnings)


ASKED: dict[Network, Callable[[FoldBuild], object]] = {
    "member": FoldBuild.members,
    "unpruned": FoldBuild.student,
    "student": FoldBuild.judged,
}


@pytest.mark.parametrize(
    ("network", "names"),
    [("member", ["flip"]), ("unpruned", ["flip", "distillation"]), ("student", ["flip", "pruning"])],
)
def test_each_technique_is_judged_on_and_off_with_every_seed_and_told_as_soon_as_it_is(
    tiny_data: Path, tmp_path: Path, network: Network, names: list[str]
) -> None:
    recipe = with_all_folds(msgspec.toml.decode(RECIPE, type=Recipe), 3)
    options = AblationOptions(
        data=tiny_data,
        out=tmp_path,
        recipe=recipe,
        techniques=choose(names, network, recipe),
        network=network,
        seeds=2,
        code_version="1.0",
    )
    display = Remembered()
    store = StageStore(tmp_path / "work", display.stage)
    for technique in options.techniques:
        for turn, patch in itertools.product(range(2), (technique.on, technique.off)):
            asked = of_turn(patch_recipe(recipe, patch, "here"), recipe.members.seeds, network, turn)
            fill(prepare(tiny_data, asked, store, display, "1.0"), ASKED[network])
    told: list[int] = []
    found = ablate(options, display, lambda so_far: told.append(len(so_far.rows)))
    assert [row.name for row in found.rows] == names
    assert told == list(range(1, len(names) + 1))
    assert (found.network, found.folds, found.seeds, found.sources_known) == (network, 3, 2, True)
    for row in found.rows:
        assert (row.comparison.clips, row.comparison.seeds) == (12, 2)
        assert row.on != row.off
        difference = row.comparison.on.auc.value - row.comparison.off.auc.value
        assert row.comparison.difference.auc.value == pytest.approx(difference)

"""The ablation: each technique on and off, over seeds and folds, with what it costs to train."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from builder.ablation.comparison import Comparison, compare_arms
from builder.ablation.technique import Network, Patch, Technique, patch_recipe
from builder.data.clips import ClipFolder, find_clips
from builder.display import LanedDisplay
from builder.evaluation.scores import Scores
from builder.execution.executor import run_tasks
from builder.execution.task import Task
from builder.pipeline.curated import hash_clips
from builder.pipeline.fold_build import FoldBuild
from builder.pipeline.fold_task import Part, fold_tasks
from builder.pipeline.judged import Judged, judge_average, judge_student, judge_unpruned
from builder.pipeline.prepared import PreparedClips, prepare
from builder.pipeline.side_by_side import Opening, drawing_workers
from builder.recipe import Recipe, further_seeds
from builder.stages import StageStore, key_of


@dataclass(frozen=True, slots=True)
class AblationOptions:
    """``seeds`` networks are trained for each state of each technique; ``out/work`` keeps finished stages.

    ``earlier`` is the table of an earlier run: its rows are kept, where all but techniques was the same,
    until they are measured anew.
    """

    data: Path
    out: Path
    recipe: Recipe
    techniques: tuple[Technique, ...]
    network: Network
    seeds: int
    code_version: str
    executor: Opening | None = None
    earlier: Ablation | None = None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One technique; ``seconds`` is the mean cost of all that one seed needs, from the first stage on, all folds."""

    name: str
    title: str
    source: str
    on: dict[str, object]
    off: dict[str, object]
    comparison: Comparison
    seconds_on: float
    seconds_off: float

    def verdict(self) -> str:
        """What the AUC's paired difference shows."""
        difference = self.comparison.difference.auc
        if difference.low > 0:
            return "helps"
        return "harms" if difference.high < 0 else "not shown to help"


class Ablation(msgspec.Struct, frozen=True, kw_only=True):
    """All rows so far, on grouped folds; ``key`` hashes all that they have in common: recipe, clips, networks, code."""

    recipe: str
    data: str
    network: Network
    folds: int
    seeds: int
    sources_known: bool
    rows: tuple[Row, ...]
    key: str = ""


class _Turn(NamedTuple):
    """One state of a technique with one seed."""

    label: str
    prepared: PreparedClips
    until: Part

    def tasks(self) -> Sequence[Task]:
        """What trains its networks on all folds."""
        return fold_tasks(self.prepared, self.prepared.folds(), self.until, self.label)

    def judge(self, display: LanedDisplay) -> tuple[Scores, float]:
        """Verdicts over all folds, and the seconds that the stages behind them took when they ran."""
        store = StageStore(self.prepared.work, lambda name, done: display.stage(self.label + name, done))
        folds = [self.prepared.open(clips, store, display.progress) for clips in self.prepared.folds()]
        judge: dict[Part, Callable[[Sequence[FoldBuild]], Judged]] = {
            "ensemble": judge_average,
            "unpruned": judge_unpruned,
            "student": judge_student,
        }
        scores = judge[self.until](folds).scores
        return scores, sum(stage.seconds for stage in store.finished)


class _Arms(NamedTuple):
    """A technique on and off, with every seed."""

    technique: Technique
    on: Sequence[_Turn]
    off: Sequence[_Turn]

    def tasks(self) -> list[Task]:
        """What trains all its networks."""
        return [task for turn in (*self.on, *self.off) for task in turn.tasks()]

    def measure(self, seed: int, display: LanedDisplay) -> Row:
        """The technique's row; intervals are drawn by ``seed``."""
        told_on, told_off = ([turn.judge(display) for turn in turns] for turns in (self.on, self.off))
        generator = np.random.default_rng(seed)
        return Row(
            name=self.technique.name,
            title=self.technique.title,
            source=self.technique.source,
            on=dict(self.technique.on),
            off=dict(self.technique.off),
            comparison=compare_arms([scores for scores, _ in told_on], [scores for scores, _ in told_off], generator),
            seconds_on=sum(seconds for _, seconds in told_on) / len(told_on),
            seconds_off=sum(seconds for _, seconds in told_off) / len(told_off),
        )


class _Table:
    """Rows in the order of their techniques, each measured as soon as all that it needs is trained."""

    def __init__(
        self, arms: Sequence[_Arms], options: AblationOptions, display: LanedDisplay, tell: Callable[[Ablation], None]
    ) -> None:
        asked = [(each, each.tasks()) for each in arms]
        self.tasks = [task for _, tasks in asked for task in tasks]
        self._waiting = deque((each, {task.name for task in tasks}) for each, tasks in asked)
        found = find_clips(options.data)
        self._known = found.sources_known
        self._key = _key(options, found, hash_clips(found.clips, display.progress))
        self._kept = _kept(options, self._key, display)
        self._options = options
        self._display = display
        self._tell = tell
        self._done: set[str] = set()
        self._rows: list[Row] = []

    def finished(self, task: str) -> None:
        """Measure what waited for this task alone."""
        self._done.add(task)
        while self._waiting and self._waiting[0][1] <= self._done:
            self._measure_next()

    def measured(self) -> Ablation:
        """All rows; those that are still missing are measured, and trained, here."""
        while self._waiting:
            self._measure_next()
        return self._so_far()

    def _measure_next(self) -> None:
        arms, _ = self._waiting.popleft()
        self._rows.append(arms.measure(self._options.recipe.folds.seed, self._display))
        self._tell(self._so_far())

    def _so_far(self) -> Ablation:
        anew = {row.name for row in self._rows}
        return Ablation(
            recipe=self._options.recipe.name,
            data=str(self._options.data),
            network=self._options.network,
            folds=self._options.recipe.folds.judged,
            seeds=self._options.seeds,
            sources_known=self._known,
            rows=(*(row for row in self._kept if row.name not in anew), *self._rows),
            key=self._key,
        )


def _key(options: AblationOptions, found: ClipFolder, digests: dict[str, str]) -> str:
    clips = [(clip.name, clip.label, clip.source, digests[clip.name]) for clip in found.clips]
    return key_of("ablation", (options.recipe, clips, options.network, options.seeds, options.code_version))


def _kept(options: AblationOptions, key: str, display: LanedDisplay) -> tuple[Row, ...]:
    """Rows of the earlier table, where it is of the same."""
    if options.earlier is None:
        return ()
    if options.earlier.key != key:
        display.warn("the table in --out is of another recipe, clips, network, seeds or version; its rows are not kept")
        return ()
    return options.earlier.rows


def ablate(options: AblationOptions, display: LanedDisplay, tell: Callable[[Ablation], None]) -> Ablation:
    """Measure every technique; ``tell`` is given all rows so far after each, and finished stages are not done again.

    With an executor all techniques are trained side by side, so that no core waits where one of them has a single long
    stage.
    """
    store = StageStore(options.out / "work", display.stage)
    arms = [_arms(technique, options, store, display) for technique in options.techniques]
    table = _Table(arms, options, display, tell)
    if options.executor is not None:
        with options.executor() as executor:
            run_tasks(table.tasks, executor, display, finished=table.finished)
    return table.measured()


def _arms(technique: Technique, options: AblationOptions, store: StageStore, display: LanedDisplay) -> _Arms:
    on, off = (
        _turns(technique.name, state, patch, options, store, display)
        for state, patch in (("on", technique.on), ("off", technique.off))
    )
    return _Arms(technique, on, off)


def _turns(
    name: str, state: str, patch: Patch, options: AblationOptions, store: StageStore, display: LanedDisplay
) -> list[_Turn]:
    """The recipe with the patch, prepared once, for each seed."""
    patched = patch_recipe(options.recipe, patch, f"technique {name} {state}")
    first = prepare(
        options.data, patched, store, display, options.code_version, workers=drawing_workers(options.executor)
    )
    until: Part = "ensemble" if options.network == "member" else options.network
    return [
        _Turn(
            f"{name} {state} {turn + 1}: ",
            replace(first, recipe=of_turn(patched, options.recipe.members.seeds, options.network, turn)),
            until,
        )
        for turn in range(options.seeds)
    ]


def of_turn(recipe: Recipe, own: tuple[int, ...], network: Network, turn: int) -> Recipe:
    """The recipe with the seeds of one repetition.

    A student's turns share their teachers. Members take one seed a turn of ``own`` and those that follow, and an
    ensemble as many as it has, so that no network serves twice and a build's members serve again. A member alone is
    what all share, of no variant.
    """
    if network in {"unpruned", "student"}:
        seed = recipe.student.seed + turn
        return msgspec.structs.replace(recipe, student=msgspec.structs.replace(recipe.student, seed=seed))
    alone = network == "member"
    size = 1 if alone else len(recipe.members.seeds)
    seeds = further_seeds(own, (turn + 1) * size)[turn * size :]
    variants = () if alone else recipe.members.variants
    members = msgspec.structs.replace(recipe.members, seeds=seeds, variants=variants)
    return msgspec.structs.replace(recipe, members=members)

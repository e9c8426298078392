"""From a folder of clips to a signed bundle: every stage of a build, in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric import ec

from builder.alarms.choice import AlarmChoice
from builder.display import LanedDisplay
from builder.evaluation.parity import Budget, require_parities
from builder.evaluation.scores import DECISION
from builder.evidence.kinds import Evidence
from builder.pipeline.alarm_budget import AlarmBudget, CompiledFold
from builder.pipeline.compiled_fold import explain_fold
from builder.pipeline.curated import CuratedClips
from builder.pipeline.drawn_streams import calm_streams, fight_streams
from builder.pipeline.fold_task import Part
from builder.pipeline.judged import Judged, calibrate, judge_calibrations, judge_compiled, judge_ensemble, judge_members
from builder.pipeline.part_task import PartTask
from builder.pipeline.prepared import prepare
from builder.pipeline.release import BuiltFolds, release
from builder.pipeline.side_by_side import Opening, compile_side_by_side, drawing_workers, train_side_by_side
from builder.recipe import Recipe
from builder.stages import StageStore


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """``code_version`` goes into the lineage; ``licence`` is that of the clips given; ``executor`` opens what trains
    folds and members side by side, and is ``None`` where all is done in this process; ``evidence``, of this recipe or
    bundle, is shown beside the build's own figures."""

    data: Path
    out: Path
    recipe: Recipe
    key: ec.EllipticCurvePrivateKey
    licence: str
    code_version: str
    now: Callable[[], datetime]
    clock: Callable[[], float]
    executor: Opening | None = None
    evidence: tuple[Evidence, ...] = ()


def build(options: BuildOptions, display: LanedDisplay) -> Path:
    """Build the bundle and return its packed file; finished stages under ``out/work`` are not done again."""
    store = StageStore(options.out / "work", display.stage)
    workers = drawing_workers(options.executor)
    prepared = prepare(options.data, options.recipe, store, display, options.code_version, workers=workers)
    dealt = prepared.folds()
    # One student has nothing beside it, and is done sooner here, with all cores.
    alone = len(dealt) == 1
    until: Part = "ensemble" if alone else "student"
    train_side_by_side(prepared, dealt, until, options.executor, display, _stream_tasks(options, store))
    folds = [prepared.open(clips, store, display.progress) for clips in dealt]
    stages = [fold.run() for fold in folds]
    calibrations = calibrate(folds)
    compiled = compile_side_by_side(prepared, folds, calibrations, None if alone else options.executor, store, display)
    judged = (*judge_members(folds), judge_ensemble(folds), *judge_compiled(compiled, options.recipe.released()))
    first = folds[0].clips.number
    explain = partial(explain_fold, folds[0], stages[0], calibrations[first], options.recipe)
    _require_parity(judged, options.recipe, explain)
    real = CuratedClips(prepared.real)
    scenes = None if prepared.scenes is None else CuratedClips(prepared.scenes)
    finished = [
        CompiledFold(fold.clips, stage, calibrations[fold.clips.number])
        for fold, stage in zip(folds, compiled, strict=True)
    ]
    alarms = _choose_alarms(options, real, finished, store, display)
    built = BuiltFolds(
        folds[0],
        tuple(stages),
        tuple(compiled),
        calibrations,
        judged,
        judge_calibrations(folds),
        alarms,
        prepared.negatives,
    )
    return release(options, real, scenes, built, store)


def _stream_tasks(options: BuildOptions, store: StageStore) -> list[PartTask]:
    if options.recipe.alarms is None:
        return []
    drawn = [make(options.recipe.alarms, options.code_version) for make in (calm_streams, fight_streams)]
    return [PartTask(streams, store.root, number) for streams in drawn for number in range(streams.parts)]


def _choose_alarms(
    options: BuildOptions,
    real: CuratedClips,
    folds: Sequence[CompiledFold],
    store: StageStore,
    display: LanedDisplay,
) -> AlarmChoice | None:
    recipe = options.recipe
    if recipe.alarms is None:
        return None
    budget = AlarmBudget(recipe, recipe.alarms, real, store, display, options.code_version, options.executor)
    chosen = budget.choose(folds)
    warning = chosen.warning()
    if warning is not None:
        display.warn(warning)
    return chosen


def _require_parity(judged: tuple[Judged, ...], recipe: Recipe, explain: Callable[[Sequence[str]], str]) -> None:
    by_name = {subject.name: subject.scores for subject in judged}
    require_parities(
        by_name["student"],
        {target.name: by_name[target.name] for target in recipe.released()},
        threshold=DECISION,
        budget=Budget(accuracy=recipe.gate.accuracy, flips=recipe.gate.flips),
        generator=np.random.default_rng(recipe.folds.seed),
        explain=explain,
    )

"""From a folder of clips to a signed bundle: every stage of a build, in order."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric import ec

from builder.display import LanedDisplay
from builder.evaluation.parity import measure_parity, require_parity
from builder.execution.executor import Executor, run_tasks
from builder.pipeline.compiled_fold import RELEASED, compile_stage
from builder.pipeline.curated import CuratedClips
from builder.pipeline.fold_task import compile_tasks, fold_tasks
from builder.pipeline.judged import Judged, calibrate, judge_compiled, judge_ensemble, judge_members
from builder.pipeline.prepared import prepare
from builder.pipeline.release import BuiltFolds, release
from builder.recipe import Recipe
from builder.stages import StageStore

DECISION = 0.5


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """``code_version`` goes into the lineage; ``licence`` is that of the clips given; ``executor`` opens what trains
    folds and members side by side, and is ``None`` where all is done in this process."""

    data: Path
    out: Path
    recipe: Recipe
    key: ec.EllipticCurvePrivateKey
    licence: str
    code_version: str
    now: Callable[[], datetime]
    clock: Callable[[], float]
    executor: Callable[[], AbstractContextManager[Executor]] | None = None


def build(options: BuildOptions, display: LanedDisplay) -> Path:
    """Build the bundle and return its packed file; finished stages under ``out/work`` are not done again."""
    store = StageStore(options.out / "work", display.stage)
    prepared = prepare(options.data, options.recipe, store, display, options.code_version)
    dealt = prepared.folds()
    if options.executor is not None:
        with options.executor() as executor:
            run_tasks(fold_tasks(prepared, dealt, "student"), executor, display)
    folds = [prepared.open(clips, store, display.progress) for clips in dealt]
    stages = [fold.run() for fold in folds]
    calibrations = calibrate(folds)
    if options.executor is not None:
        with options.executor() as executor:
            run_tasks(compile_tasks(prepared, dealt, calibrations), executor, display)
    compiled = [
        compile_stage(fold, calibrations[fold.clips.number], options.recipe, store, display.progress) for fold in folds
    ]
    judged = (*judge_members(folds), judge_ensemble(folds), *judge_compiled(compiled))
    _require_parity(judged, options.recipe)
    built = BuiltFolds(folds[0], tuple(stages), tuple(compiled), calibrations, judged, prepared.negatives)
    scenes = None if prepared.scenes is None else CuratedClips(prepared.scenes)
    return release(options, CuratedClips(prepared.real), scenes, built, store)


def _require_parity(judged: tuple[Judged, ...], recipe: Recipe) -> None:
    by_name = {subject.name: subject.scores for subject in judged}
    rng = np.random.default_rng(recipe.folds.seed)
    require_parity(
        tuple(
            measure_parity(
                target.name,
                by_name["student"],
                by_name[target.name],
                threshold=DECISION,
                budget=recipe.gate.accuracy,
                generator=rng,
            )
            for target in RELEASED
        )
    )

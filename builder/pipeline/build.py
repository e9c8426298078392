"""From a folder of clips to a signed bundle: every stage of a build, in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
from cryptography.hazmat.primitives.asymmetric import ec

from builder.data.clips import ClipFolder, find_clips, require_both_classes
from builder.data.folds import grouped_folds
from builder.evaluation.parity import measure_parity, require_parity
from builder.evaluation.scores import Scores
from builder.pipeline.calibrated import FoldCalibration, apply_calibration, calibrate_folds, pool
from builder.pipeline.compiled_fold import RELEASED, compile_fold
from builder.pipeline.curated import CuratedClips, curate, hash_clips
from builder.pipeline.degraded import degraded_stage
from builder.pipeline.fold_build import SCORES, FoldBuild, FoldClips, FoldStages, read_scores
from builder.pipeline.release import BuiltFolds, Judged, release
from builder.recipe import Recipe, SceneClips
from builder.stages import Stage, StageStore
from scenes import write_clips

DECISION = 0.5


class Display(Protocol):
    """Where a build tells how it goes."""

    def stage(self, name: str, done: bool) -> None: ...

    def progress(self, done: int, total: int, word: str) -> None: ...

    def warn(self, message: str) -> None: ...


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """``code_version`` goes into the lineage; ``licence`` is that of the clips given."""

    data: Path
    out: Path
    recipe: Recipe
    key: ec.EllipticCurvePrivateKey
    licence: str
    code_version: str
    now: Callable[[], datetime]
    clock: Callable[[], float]


def build(options: BuildOptions, display: Display) -> Path:
    """Build the bundle and return its packed file; finished stages under ``out/work`` are not done again."""
    found = find_clips(options.data)
    require_both_classes(found.clips, options.data)
    if not found.sources_known:
        display.warn(
            "sources are unknown: each clip counts as its own, so clips of one camera may stand on both sides and the "
            "figures may be too good; give a clips.csv with the column source"
        )
    store = StageStore(options.out / "work", display.stage)
    real = _curated("curate", found, options.recipe, store, display)
    require_both_classes(real.clips, options.data)
    scenes = _scenes(options, store, display)
    folds = [
        FoldBuild(options.recipe, real, scenes, clips, store, display.progress)
        for clips in _folds(real, options.recipe)
    ]
    stages = [fold.run() for fold in folds]
    calibrations = _calibrate(stages)
    compiled = [
        store.run(
            f"fold{done.clips.number}-compile",
            (done.judged.key, calibrations[done.clips.number], options.recipe.quantization, RELEASED),
            partial(_compile, fold, done, calibrations[done.clips.number], options.recipe, display),
        )
        for fold, done in zip(folds, stages, strict=True)
    ]
    judged = _judged(stages, compiled)
    _require_parity(judged, options.recipe)
    built = BuiltFolds(folds[0], tuple(stages), tuple(compiled), calibrations, judged)
    return release(options, real, scenes, built, store)


def _curated(name: str, found: ClipFolder, recipe: Recipe, store: StageStore, display: Display) -> CuratedClips:
    display.stage(f"{name}: hashing {len(found.clips)} clips", False)
    digests = hash_clips(found.clips, display.progress)
    inputs = ([(clip.name, clip.label, clip.source) for clip in found.clips], digests, recipe.preprocessing.canvas)
    stage = store.run(
        name,
        inputs,
        lambda directory: curate(found, digests, recipe.preprocessing, directory, display.progress, display.warn),
    )
    if recipe.degradation is not None:
        stage = degraded_stage(stage, found, recipe.degradation, recipe.preprocessing, store, display.progress)
    return CuratedClips(stage.directory)


def _scenes(options: BuildOptions, store: StageStore, display: Display) -> CuratedClips | None:
    spec = options.recipe.scenes
    if spec is None:
        return None
    drawn = store.run(
        "scenes",
        (spec, options.code_version),
        lambda directory: _draw(directory, spec, display),
    )
    return _curated("curate-scenes", find_clips(drawn.directory), options.recipe, store, display)


def _draw(directory: Path, spec: SceneClips, display: Display) -> None:
    write_clips(
        directory,
        spec.clips,
        spec.seconds,
        spec.seed,
        progress=lambda done, total, clip: display.progress(done, total, str(clip)),
    )


def _folds(real: CuratedClips, recipe: Recipe) -> list[FoldClips]:
    folds = grouped_folds(real.clips, recipe.folds.count, np.random.default_rng(recipe.folds.seed))
    whole = recipe.folds.judged == recipe.folds.count
    made = []
    for number in range(recipe.folds.judged):
        spare = None if whole else (number + 1) % len(folds)
        train = [clip for other, fold in enumerate(folds) if other not in {number, spare} for clip in fold]
        made.append(FoldClips(number, tuple(train), folds[number], () if spare is None else folds[spare]))
    return made


def _kept(stages: FoldStages) -> frozenset[str]:
    return frozenset(clip.name for clip in stages.clips.calibrate)


def _calibrate(stages: list[FoldStages]) -> dict[int, FoldCalibration]:
    scores = {done.clips.number: read_scores(done.judged.directory / SCORES) for done in stages}
    return calibrate_folds(scores, {done.clips.number: _kept(done) for done in stages})


def _compile(
    fold: FoldBuild,
    stages: FoldStages,
    calibration: FoldCalibration,
    recipe: Recipe,
    display: Display,
    directory: Path,
) -> None:
    compile_fold(fold, stages, calibration, recipe, directory, display.progress)


def _judged(stages: list[FoldStages], compiled: list[Stage]) -> tuple[Judged, ...]:
    """Everything that was judged, over all folds, each with calibrated probabilities."""
    count = len(stages[0].members)
    judged = [
        Judged(f"member-{index + 1}", "member", _cross_fitted(stages, [done.members[index] for done in stages]))
        for index in range(count)
    ]
    judged.append(Judged("ensemble", "ensemble", _cross_fitted(stages, [done.teacher for done in stages])))
    judged.append(Judged("student", "student", _pooled(compiled, "student")))
    judged += [Judged(target.name, "artifact", _pooled(compiled, target.name)) for target in RELEASED]
    return tuple(judged)


def _cross_fitted(stages: list[FoldStages], judging: list[Stage]) -> Scores:
    scores = {
        done.clips.number: read_scores(stage.directory / SCORES) for done, stage in zip(stages, judging, strict=True)
    }
    kept = {done.clips.number: _kept(done) for done in stages}
    calibrations = calibrate_folds(scores, kept)
    return pool({fold: apply_calibration(scores[fold], calibrations[fold], kept[fold]) for fold in scores})


def _pooled(compiled: list[Stage], name: str) -> Scores:
    return pool({number: read_scores(stage.directory / f"{name}.json") for number, stage in enumerate(compiled)})


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

"""One fold's pruned student, calibrated, compiled for every target and judged through the runtimes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.compilation.bias_correction import shift_logits
from builder.compilation.int8_calibration import calibrate_int8
from builder.compilation.judged_targets import compile_judged
from builder.compilation.sensitivity import explain_int8
from builder.compilation.targets import Calibrating
from builder.errors import DataError
from builder.evaluation.opening import open_artifacts
from builder.evaluation.scores import Scores, write_scores
from builder.evaluation.scoring import Scorer
from builder.pipeline.calibrated import FoldCalibration
from builder.pipeline.curated import CuratedClips
from builder.pipeline.fold_build import FoldBuild
from builder.pipeline.fold_stages import FoldStages
from builder.recipe import Recipe
from builder.stages import Stage, StageStore
from builder.training.fit import Progress
from builder.training.network import Network
from models.manifest import Artifact, Preprocessing
from runtimes.pair import Pair

ARTIFACTS = "artifacts.json"


def shift_head(network: Network, calibration: FoldCalibration) -> None:
    """Add the calibration's shift to the fight logit, so that the bundle needs a temperature only."""
    shift_logits(network.head, np.array([0.0, calibration.shift], dtype=np.float32))


def compile_stage(
    fold: FoldBuild, calibration: FoldCalibration, recipe: Recipe, store: StageStore, progress: Progress
) -> Stage:
    """The stage that compiles a fold, skipped when it is there."""
    inputs = (fold.judged().key, calibration, recipe.quantization, recipe.released())

    def work(directory: Path) -> None:
        compile_fold(fold, fold.run(), calibration, recipe, directory, progress)

    return store.run(f"{fold.clips.name}-compile", inputs, work)


def compile_fold(
    fold: FoldBuild,
    stages: FoldStages,
    calibration: FoldCalibration,
    recipe: Recipe,
    directory: Path,
    progress: Progress,
) -> None:
    """Write the artifacts of every target with ``artifacts.json``, and each target's verdicts on the held-out clips as
    ``<target>.json``, beside the float student's as ``student.json``."""
    seen, judged = recipe.preprocessing, stages.clips.judge
    network = fold.network(recipe.student, stages.shipped, seen)
    shift_head(network, calibration)
    calibrating = _calibrating(fold, network, recipe)

    def judge(scorer: Scorer) -> Scores:
        return fold.scores(scorer, judged, seen, calibration.temperature)

    write_scores(judge(fold.scorer(network, seen)), directory / "student.json")
    artifacts = compile_judged(recipe.released(), network, calibrating, seen, judge, directory, progress)
    (directory / ARTIFACTS).write_bytes(msgspec.json.encode(artifacts))


def explain_fold(
    fold: FoldBuild, stages: FoldStages, calibration: FoldCalibration, recipe: Recipe, broken: Sequence[str]
) -> str:
    """Which layers of a fold's network are to blame for the targets so named."""
    network = fold.network(recipe.student, stages.shipped, recipe.preprocessing)
    shift_head(network, calibration)
    calibrating = _calibrating(fold, network, recipe)
    return explain_int8(recipe.released(), network, calibrating, recipe.preprocessing, broken)


def read_artifacts(directory: Path) -> tuple[Artifact, ...]:
    """What ``compile_fold`` wrote."""
    return msgspec.json.decode((directory / ARTIFACTS).read_bytes(), type=tuple[Artifact, ...])


def open_compiled(directory: Path, target: str, preprocessing: Preprocessing) -> Pair:
    """The files for one target that ``compile_fold`` wrote. Raises ``RuntimeOpenError``."""
    encoder, head = (one for one in read_artifacts(directory) if one.target == target)
    return open_artifacts(encoder, head, directory, preprocessing)


def golden_windows(scenes: CuratedClips, recipe: Recipe, most: int) -> NDArray[np.uint8]:
    """The middle windows of ``most`` scene clips, spread over all, that are long enough, ``(M, T, H, W, C) uint8``.

    Raises ``DataError`` when none is.
    """
    length = recipe.geometry.samples
    windows = []
    for place in _spread(len(scenes.clips), most):
        clip = scenes.clips[place]
        samples = scenes.samples(clip, recipe.geometry, recipe.preprocessing).samples
        if len(samples) >= length:
            start = (len(samples) - length) // 2
            windows.append(samples[start : start + length])
    if not windows:
        seconds = 2 * recipe.geometry.frame_gap_s + (length - 1) / recipe.geometry.rate_hz
        raise DataError(
            f"no clip is as long as a window of {seconds:.1f} s; give longer clips, or add scenes to the recipe"
        )
    return np.stack(windows)


def calibrating_windows(fold: FoldBuild, recipe: Recipe) -> NDArray[np.uint8]:
    """Views ``(M, T, P * H, W, C) uint8`` of real training clips.

    Drawn ones would widen ranges that no camera needs.
    ."""
    training, learnt = fold.training(recipe.preprocessing), set(fold.clips.train)
    real = [place for place, clip in enumerate(training.clips) if clip in learnt]
    chosen = [real[place] for place in _spread(len(real), recipe.quantization.clips)]
    return training.views(recipe.folds.seed, 0, chosen)


def _calibrating(fold: FoldBuild, network: Network, recipe: Recipe) -> Calibrating:
    windows = calibrating_windows(fold, recipe)
    chosen = recipe.quantization
    return calibrate_int8(network, windows, recipe.released(), recipe.preprocessing, chosen.rounding, chosen.kept_float)


def _spread(count: int, wanted: int) -> Sequence[int]:
    return [int(index) for index in np.unique(np.linspace(0, count - 1, min(count, wanted)).astype(int))]

"""One fold's pruned student, calibrated, compiled for every target and judged through the runtimes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.compilation.bias_correction import shift_logits
from builder.compilation.rounding import round_to_fit
from builder.compilation.targets import Calibrating, compile_target
from builder.errors import DataError
from builder.evaluation.opening import open_artifacts
from builder.evaluation.scores import write_scores
from builder.pipeline.calibrated import FoldCalibration
from builder.pipeline.curated import CuratedClips
from builder.pipeline.fold_build import FoldBuild, FoldStages
from builder.recipe import Recipe
from builder.stages import Stage, StageStore
from builder.training.fit import Progress
from builder.training.network import Network
from builder.training.probe import embedder
from models.manifest import Artifact, Preprocessing
from models.preprocessing import normalise
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
    network = fold.network(recipe.student, stages.pruned, seen)
    shift_head(network, calibration)
    calibrating = _calibrating(fold, network, recipe)
    said = fold.scores(fold.scorer(network, seen), judged, seen, calibration.temperature)
    write_scores(said, directory / "student.json")
    artifacts: list[Artifact] = []
    for number, target in enumerate(targets := recipe.released(), 1):
        pair = compile_target(target, network, calibrating, seen, directory)
        with closing(open_artifacts(*pair, directory, seen)) as opened:
            scores = fold.scores(opened, judged, seen, calibration.temperature)
        write_scores(scores, directory / f"{target.name}.json")
        artifacts += pair
        progress(number, len(targets), target.name)
    (directory / ARTIFACTS).write_bytes(msgspec.json.encode(artifacts))


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


def _calibrating(fold: FoldBuild, network: Network, recipe: Recipe) -> Calibrating:
    """Views of real training clips: drawn ones would widen ranges that no camera needs."""
    training, learnt = fold.training(recipe.preprocessing), set(fold.clips.train)
    real = [place for place, clip in enumerate(training.clips) if clip in learnt]
    chosen = [real[place] for place in _spread(len(real), recipe.quantization.clips)]
    windows = training.views(recipe.folds.seed, 0, chosen)
    embeddings = embedder(network.encoder, recipe.preprocessing)(windows)
    panes = windows.reshape(len(windows), -1, *recipe.preprocessing.pane_shape)
    calibrating = Calibrating(embeddings, panes, network.encoder)
    if recipe.quantization.rounding == "nearest" or all(target.precision != "int8" for target in recipe.released()):
        return calibrating
    samples = normalise(calibrating.samples, recipe.preprocessing)
    return replace(calibrating, encoder=round_to_fit(network.encoder, samples))


def _spread(count: int, wanted: int) -> Sequence[int]:
    return [int(index) for index in np.unique(np.linspace(0, count - 1, min(count, wanted)).astype(int))]

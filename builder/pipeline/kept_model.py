"""The float model of a build, kept beside its bundle so that it can be compiled again."""

from __future__ import annotations

import shutil
from pathlib import Path

from builder.compilation.float_model import FloatModel, ModelFacts, write_float_model
from builder.evaluation.parity import Budget
from builder.pipeline.compiled_fold import calibrating_windows
from builder.pipeline.curated import CuratedClips
from builder.pipeline.fold_build import FoldBuild
from builder.recipe import Recipe
from builder.release.inputs import ReleaseInputs
from builder.training.network import Network


def keep_model(
    directory: Path,
    fold: FoldBuild,
    network: Network,
    real: CuratedClips,
    inputs: ReleaseInputs,
) -> None:
    """Leave a fold's ``network``, calibrated, and what the bundle of these ``inputs`` says of it."""
    recipe = fold.recipe
    held_out = tuple(real.samples(clip, recipe.geometry, recipe.preprocessing) for clip in fold.clips.judge)
    model = FloatModel(_facts(recipe, inputs), network, calibrating_windows(fold, recipe), held_out, inputs.golden)
    aside = directory.with_name(f".{directory.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        write_float_model(model, aside)
        shutil.rmtree(directory, ignore_errors=True)
        aside.replace(directory)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _facts(recipe: Recipe, inputs: ReleaseInputs) -> ModelFacts:
    report = inputs.report
    return ModelFacts(
        name=report.name,
        version=report.version,
        backbone=recipe.student.backbone,
        head=recipe.student.head,
        geometry=report.geometry,
        preprocessing=report.preprocessing,
        calibration=report.calibration,
        rounding=recipe.quantization.rounding,
        float_layers=recipe.quantization.kept_float,
        budget=Budget(accuracy=recipe.gate.accuracy, flips=recipe.gate.flips),
        lineage=report.lineage,
        golden_origin=inputs.golden_origin,
    )

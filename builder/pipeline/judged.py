"""What was judged on held-out clips, over all judged folds, with calibrated probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from builder.compilation.catalogue import Target
from builder.evaluation.scores import Scores, read_scores
from builder.pipeline.calibrated import UNCALIBRATED, FoldCalibration, apply_calibration, calibrate_folds, pool
from builder.pipeline.fold_build import SCORES, FoldBuild
from builder.report.data import Calibrated, Kind
from builder.stages import Stage
from builder.training.calibration import FITS, Method

STUDENT = "student"
UNPRUNED = "student-unpruned"


class Judged(NamedTuple):
    """Something that was judged: ``scores`` pool all folds, each clip once."""

    name: str
    kind: Kind
    scores: Scores


def cross_fit(folds: Sequence[FoldBuild], scores: Mapping[int, Scores], method: Method | None = None) -> Scores:
    """All folds' verdicts, each fold calibrated without its own judged clips, by the recipe's method or by another."""
    kept = {fold.clips.number: fold.kept() for fold in folds}
    calibrations = calibrate_folds(scores, kept, method or _method(folds))
    return pool({number: apply_calibration(scores[number], calibrations[number], kept[number]) for number in scores})


def judge_members(folds: Sequence[FoldBuild]) -> list[Judged]:
    """Each member."""
    by_fold = [fold.members() for fold in folds]
    return [
        Judged(f"member-{number}", "member", cross_fit(folds, stage_scores(folds, stages)))
        for number, stages in enumerate(zip(*by_fold, strict=True), 1)
    ]


def judge_ensemble(folds: Sequence[FoldBuild]) -> Judged:
    """The ensemble, as it taught the student."""
    return Judged("ensemble", "ensemble", cross_fit(folds, stage_scores(folds, [fold.teacher() for fold in folds])))


def judge_average(folds: Sequence[FoldBuild]) -> Judged:
    """The ensemble by its members' verdicts alone, without the teacher's long look at the student's views."""
    return Judged("ensemble", "ensemble", cross_fit(folds, average_folds(folds)))


def judge_unpruned(folds: Sequence[FoldBuild]) -> Judged:
    """The float student before it is pruned."""
    return Judged(UNPRUNED, "student", cross_fit(folds, stage_scores(folds, [fold.student() for fold in folds])))


def judge_student(folds: Sequence[FoldBuild]) -> Judged:
    """The float student, pruned."""
    return Judged(STUDENT, "student", cross_fit(folds, stage_scores(folds, [fold.judged() for fold in folds])))


def judge_compiled(compiled: Sequence[Stage], targets: Sequence[Target]) -> list[Judged]:
    """The float student as it was compiled, and the artifacts of every one of the targets."""
    return [
        Judged(STUDENT, "student", _pooled(compiled, STUDENT)),
        *(Judged(target.name, "artifact", _pooled(compiled, target.name)) for target in targets),
    ]


def calibrate(folds: Sequence[FoldBuild]) -> dict[int, FoldCalibration]:
    """Each fold's calibration of its pruned student."""
    scores = stage_scores(folds, [fold.judged() for fold in folds])
    return calibrate_folds(scores, {fold.clips.number: fold.kept() for fold in folds}, _method(folds))


def judge_calibrations(folds: Sequence[FoldBuild]) -> dict[Calibrated, Scores]:
    """The float student's verdicts uncalibrated, and by each way to calibrate."""
    scores = stage_scores(folds, [fold.judged() for fold in folds])
    untouched = pool(
        {fold.clips.number: apply_calibration(scores[fold.clips.number], UNCALIBRATED, fold.kept()) for fold in folds}
    )
    return {"none": untouched, **{method: cross_fit(folds, scores, method) for method in FITS}}


def average_folds(folds: Sequence[FoldBuild]) -> dict[int, Scores]:
    """The ensemble's verdicts by the fold's number, from those of its members; uncalibrated."""
    return {
        fold.clips.number: fold.average([read_scores(stage.directory / SCORES) for stage in fold.members()])
        for fold in folds
    }


def stage_scores(folds: Sequence[FoldBuild], stages: Sequence[Stage]) -> dict[int, Scores]:
    """The verdicts that a stage of each fold left, by the fold's number."""
    return {fold.clips.number: read_scores(stage.directory / SCORES) for fold, stage in zip(folds, stages, strict=True)}


def _method(folds: Sequence[FoldBuild]) -> Method:
    return folds[0].recipe.calibration.method


def _pooled(compiled: Sequence[Stage], name: str) -> Scores:
    return pool({number: read_scores(stage.directory / f"{name}.json") for number, stage in enumerate(compiled)})

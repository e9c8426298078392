"""Cross-validation: the ensemble, the student and the compiled targets of a recipe on every fold of a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from builder.data.folds import FoldProtocol
from builder.display import LanedDisplay
from builder.evaluation.figures import Figures, figure
from builder.evaluation.scores import DECISION, Scores
from builder.pipeline.curated import CuratedClips
from builder.pipeline.fold_build import FoldBuild
from builder.pipeline.fold_task import Part
from builder.pipeline.judged import (
    Judged,
    calibrate,
    judge_average,
    judge_compiled,
    judge_ensemble,
    judge_members,
    judge_student,
    judge_unpruned,
)
from builder.pipeline.prepared import prepare
from builder.pipeline.side_by_side import Opening, compile_side_by_side, drawing_workers, train_side_by_side
from builder.recipe import Recipe
from builder.report.data import Kind, StageTime
from builder.stages import StageStore


@dataclass(frozen=True, slots=True)
class CrossvalOptions:
    """``out/work`` keeps finished stages, those of a build among them; ``executor`` is ``None`` where all is done in
    this process."""

    data: Path
    out: Path
    recipe: Recipe
    protocol: FoldProtocol
    until: Part
    code_version: str
    executor: Opening | None = None


class FoldFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one fold's clips alone."""

    fold: int
    figures: Figures


class SubjectFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One detector: ``pooled`` over all folds, each clip judged once; ``scores`` are what the figures are made of."""

    name: str
    kind: Kind
    pooled: Figures
    folds: tuple[FoldFigures, ...]
    scores: Scores


class CrossValidation(msgspec.Struct, frozen=True, kw_only=True):
    """All that a cross-validation found; intervals resample sources, or clips where the folds are random."""

    recipe: str
    version: str
    data: str
    protocol: FoldProtocol
    sources_known: bool
    folds: int
    seeds: tuple[int, ...]
    until: Part
    subjects: tuple[SubjectFigures, ...]
    stages: tuple[StageTime, ...]


def cross_validate(options: CrossvalOptions, display: LanedDisplay) -> CrossValidation:
    """Train and judge every fold as far as ``options.until``; finished stages are not done again."""
    store = StageStore(options.out / "work", display.stage)
    prepared = prepare(
        options.data,
        options.recipe,
        store,
        display,
        options.code_version,
        options.protocol,
        drawing_workers(options.executor),
    )
    dealt = prepared.folds()
    train_side_by_side(prepared, dealt, options.until, options.executor, display)
    folds = [prepared.open(clips, store, display.progress) for clips in dealt]
    judged = judge_folds(folds, options.until)
    if options.until == "int8":
        compiled = compile_side_by_side(prepared, folds, calibrate(folds), options.executor, store, display)
        judged += judge_compiled(compiled, options.recipe.released())[1:]
    return CrossValidation(
        recipe=options.recipe.name,
        version=options.recipe.version,
        data=str(options.data),
        protocol=options.protocol,
        sources_known=CuratedClips(prepared.real).listed.sources_known,
        folds=options.recipe.folds.judged,
        seeds=options.recipe.members.seeds,
        until=options.until,
        subjects=tuple(figure_subject(one, options.protocol, options.recipe.folds.seed) for one in judged),
        stages=tuple(StageTime(stage=stage.name, seconds=stage.seconds) for stage in store.finished),
    )


def judge_folds(folds: Sequence[FoldBuild], until: Part) -> list[Judged]:
    """Members, ensemble and, as far as is asked, the float student before and after it is pruned."""
    judged = judge_members(folds)
    if until == "ensemble":
        return [*judged, judge_average(folds)]
    judged += [judge_ensemble(folds), judge_unpruned(folds)]
    return judged if until == "unpruned" else [*judged, judge_student(folds)]


def figure_subject(judged: Judged, protocol: FoldProtocol, seed: int) -> SubjectFigures:
    """Figures with intervals over sources on grouped folds, and over clips on random ones."""
    scores = judged.scores if protocol == "grouped" else judged.scores.apart()

    def figured(part: Scores) -> Figures:
        return figure(part, DECISION, np.random.default_rng(seed))

    return SubjectFigures(
        name=judged.name,
        kind=judged.kind,
        pooled=figured(scores),
        folds=tuple(FoldFigures(fold=fold, figures=figured(scores.fold(fold))) for fold in scores.folds()),
        scores=judged.scores,
    )

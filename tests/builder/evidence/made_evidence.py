"""What the commands write as evidence, made up: the very types that they encode."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from benchmarks.alarm_tally import Operation, PlaceFigures
from benchmarks.false_alarms import Result
from builder.data.degradation import Degradation
from builder.evaluation.bundle import DegradedEvaluation, Evaluation, TargetEvaluation, compare_degraded
from builder.evaluation.figures import figure
from builder.evaluation.intervals import wilson
from builder.evaluation.poisson import rate_interval
from builder.evidence.cross_dataset import CrossDatasetEvidence
from builder.evidence.cross_validation import CrossValidationEvidence
from builder.evidence.degradation import DegradationEvidence
from builder.evidence.false_alarms import FalseAlarmEvidence
from builder.evidence.kinds import Evidence
from builder.pipeline.abroad import AbroadSubject, AbroadValidation
from builder.pipeline.crossval import CrossValidation, figure_subject
from builder.pipeline.judged import Judged
from builder.report.data import Kind
from models.manifest import Thresholds
from tests.builder.evaluation.made_scores import draw_scores

FINGERPRINT = "0123456789ab" + 52 * "c"
KINDS: dict[str, Kind] = {
    "member-1": "member",
    "ensemble": "ensemble",
    "student-unpruned": "student",
    "student": "student",
    "cpu-tflite-int8": "artifact",
    "cpu-tflite": "artifact",
}


def make_crossval(
    protocol: Literal["grouped", "random"] = "random", *, sources_known: bool = True, version: str = "0.1.0"
) -> CrossValidation:
    """Two folds of 60 clips."""
    judged = [
        Judged(name, kind, draw_scores(60, seed=seed, folds=2)) for seed, (name, kind) in enumerate(KINDS.items())
    ]
    return CrossValidation(
        recipe="tiny",
        version=version,
        data="/home/somebody/clips",
        protocol=protocol,
        sources_known=sources_known,
        folds=2,
        seeds=(1, 2),
        until="int8",
        subjects=tuple(figure_subject(one, protocol, 0) for one in judged),
        stages=(),
    )


def make_abroad(*, calibrated: bool = True, version: str = "0.1.0") -> AbroadValidation:
    """The same networks on 30 clips of another folder."""
    subjects = []
    for name, kind in KINDS.items():
        scores = draw_scores(30, seed=9)
        figures = figure(scores, 0.5, np.random.default_rng(0))
        subjects.append(AbroadSubject(name=name, kind=kind, figures=figures, scores=scores))
    return AbroadValidation(
        recipe="tiny",
        version=version,
        train="data/here",
        test="data/there",
        calibrated=calibrated,
        sources_known=True,
        seeds=(1, 2),
        until="int8",
        subjects=tuple(subjects),
        stages=(),
    )


def make_evaluation(*, version: str = "0.1.0", held_out: bool = True, degraded: bool = True) -> Evaluation:
    """The bundle ``tiny`` with one target on 60 clips and, unless it was not asked for, on copies of them."""
    clean, copies = (make_target(seed, noise) for seed, noise in ((1, 0.5), (2, 3.0)))
    changes = compare_degraded([clean], [copies], threshold=0.5, generator=np.random.default_rng(0))
    asked = DegradedEvaluation(ranges=Degradation(), seed=3, targets=(copies,), changes=changes)
    return Evaluation(
        bundle="tiny",
        version=version,
        fingerprint=FINGERPRINT,
        data="clips",
        sources_known=True,
        targets=(clean,),
        refused={},
        skipped=(),
        held_out=held_out,
        degraded=asked if degraded else None,
    )


def make_target(seed: int, noise: float) -> TargetEvaluation:
    """One target's verdicts."""
    scores = draw_scores(60, seed=seed, noise=noise)
    return TargetEvaluation(
        target="cpu-tflite-int8",
        description="cpu-tflite-int8 on tflite",
        figures=figure(scores, 0.5, np.random.default_rng(0)),
        operating_points=(),
        sample_ms=1.0,
        clip_ms=9.0,
        reference=None,
        deviation=None,
        scores=scores.clips,
    )


def make_alarms(*, bundle: str = "tiny 0.1.0", fingerprint: str = FINGERPRINT, delay_s: float | None = 1.75) -> Result:
    """Half an hour of scenes with four alarms, a film with none, and 17 fights of 20 found."""
    thresholds = Thresholds(wake=0.2, alert=0.85, clear=0.5)
    shipped = Operation(
        thresholds=thresholds,
        start_hold_s=0.3,
        alarms=4,
        per_hour=rate_interval(4, 0.5),
        footage_alarms=0,
        found=17,
        fights=20,
        recall=wilson(17, 20),
        delay_s=delay_s,
    )
    return Result(
        bundle=bundle,
        fingerprint=fingerprint,
        target="cpu-tflite-int8",
        thresholds=thresholds,
        seed=101,
        places=tuple(
            PlaceFigures(place=place, hours=hours, alarms=alarms, per_hour=rate_interval(alarms, hours), awake=0.5)
            for place, hours, alarms in (("all scenes", 0.5, 4), ("yard by day", 0.5, 4), ("vtest.avi", 0.02, 0))
        ),
        shipped=shipped,
        curve=(shipped,),
    )


def make_evidence() -> tuple[Evidence, ...]:
    """One of each kind, of random folds, as it is read."""
    found: tuple[tuple[msgspec.Struct, type[Evidence]], ...] = (
        (make_crossval(), CrossValidationEvidence),
        (make_abroad(), CrossDatasetEvidence),
        (make_evaluation(), DegradationEvidence),
        (make_alarms(), FalseAlarmEvidence),
    )
    return tuple(msgspec.json.decode(msgspec.json.encode(one), type=kind) for one, kind in found)

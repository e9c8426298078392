"""Report data made up for tests of what is drawn and released."""

from __future__ import annotations

import cv2
import msgspec
import numpy as np

from builder.alarms.choice import AlarmChoice, AlarmPoint
from builder.evaluation.intervals import wilson
from builder.evaluation.poisson import certainty, rate_interval
from builder.evaluation.scores import Skipped
from builder.report.data import (
    DataSummary,
    Epoch,
    ErrorSheet,
    ReportData,
    StageTime,
    Subject,
    TargetFacts,
    TrainingCurve,
)
from models.manifest import Calibration, Dataset, Latency, Lineage, Parent, Thresholds
from tests.builder.evaluation.made_scores import draw_scores
from tests.builder.evidence.made_evidence import make_evidence
from tests.builder.tiny_networks import GEOMETRY, PREPROCESSING

HOSTILE = "fight/<script>alert('x')</script>.mp4"
LATENCY = Latency(p50_ms=1.25, p99_ms=2.5, batch=1, threads=1, machine="Some CPU x86_64 x2")


def make_report(targets: tuple[str, ...] = ("cpu-tflite", "cpu-tflite-int8")) -> ReportData:
    """A report over five folds with one member, an ensemble, a student and these targets, and nothing optional."""
    subjects = [
        Subject(name="member-1", kind="member", scores=draw_scores(60, seed=1, folds=5)),
        Subject(name="ensemble", kind="ensemble", scores=draw_scores(60, seed=2, folds=5)),
        Subject(name="student", kind="student", scores=draw_scores(60, seed=3, folds=5)),
    ]
    subjects += [Subject(name=name, kind="artifact", scores=draw_scores(60, seed=3, folds=5)) for name in targets]
    return ReportData(
        name="tiny",
        version="0.1.0",
        created="2026-01-01T00:00:00Z",
        protocol=("Five folds grouped by source.",),
        subjects=tuple(subjects),
        targets=(),
        data=(
            DataSummary(name="clips", licence="MIT", fights=30, calm=30, sources=20, judged=True),
            DataSummary(name="drawn scenes", licence="Apache-2.0", fights=4, calm=4, sources=8, judged=False),
        ),
        geometry=GEOMETRY,
        preprocessing=PREPROCESSING,
        calibration=Calibration(temperature=1.2, thresholds=Thresholds(wake=0.3, alert=0.7, clear=0.4)),
        lineage=Lineage(
            code_version="0.1.0",
            recipe={"name": "tiny"},
            seeds=(1, 2),
            datasets=(Dataset(name="clips", licence="MIT", clips=60, sources=20, fingerprint="a" * 64),),
            parents=(Parent(name="none", licence="Apache-2.0", origin="random weights", sha256="0" * 64),),
            held_out_sources=("camera-0",),
        ),
    )


def make_choice() -> AlarmChoice:
    """Thresholds that keep a budget of 4 false alarms an hour, chosen on half an hour."""
    points = tuple(
        AlarmPoint(alert=alert, alarms=alarms, certainty=certainty(alarms, 0.5, 4.0), fights=0.75, calm=0.25)
        for alert, alarms in ((0.6, 7), (0.7, 1), (0.8, 0))
    )
    return AlarmChoice(
        thresholds=Thresholds(wake=0.3, alert=0.7, clear=0.5),
        target="cpu-tflite-int8",
        budget_per_hour=4.0,
        within=True,
        streams=30,
        hours=0.5,
        awake=0.4,
        alarms=1,
        certainty=certainty(1, 0.5, 4.0),
        measured_per_hour=rate_interval(1, 0.5),
        fight_clips=40,
        fights=wilson(30, 40),
        calm_clips=40,
        calm=wilson(10, 40),
        points=points,
    )


def make_full_report() -> ReportData:
    """The same with everything optional: facts of targets, curves, pictures of errors, stages, notes, skipped clips,
    and what other commands measured."""
    plain = make_report()
    jpeg = cv2.imencode(".jpg", np.full((24, 32, 3), 90, np.uint8))[1].tobytes()
    skipped = Skipped(clip="broken.avi", reason="broken.avi: cannot be decoded")
    facts = tuple(
        TargetFacts(
            target=name,
            precision="int8" if name.endswith("int8") else "float32",
            engine="tflite",
            encoder_bytes=700_000,
            head_bytes=30_000,
            encoder_latency=LATENCY,
            head_latency=LATENCY,
        )
        for name in ("cpu-tflite", "cpu-tflite-int8")
    )
    elsewhere = msgspec.structs.replace(
        facts[0], target="gpu-onnx", engine="onnx", encoder_latency=None, head_latency=None, standing_in="onnx"
    )
    epochs = tuple(Epoch(epoch=number, loss=1 / (number + 1), validation_loss=0.5) for number in range(3))
    return msgspec.structs.replace(
        plain,
        targets=(elsewhere, *facts),
        data=(msgspec.structs.replace(plain.data[0], skipped=(skipped,)), *plain.data[1:]),
        curves=tuple(TrainingCurve(run=run, fold=fold, epochs=epochs) for run in ("a", "student") for fold in (0, 1)),
        errors=(ErrorSheet(clip=HOSTILE, source="camera-1", label=1, probability=0.03, pictures=(jpeg, jpeg)),),
        stages=(StageTime(stage="train", seconds=61.0),),
        method="temperature",
        reliabilities={
            "none": draw_scores(60, seed=4, folds=5),
            "platt": draw_scores(60, seed=5, folds=5),
            "temperature": plain.subjects[2].scores,
        },
        alarms=make_choice(),
        evidence=make_evidence(),
        notes=("Judged on short clips only.",),
    )

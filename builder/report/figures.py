"""``report.json``: every figure of the report, and what each key means.

All shares are 0 to 1; intervals are 95 %, over resampled sources. What ``report.html`` shows is drawn from these.
"""

from __future__ import annotations

import msgspec
import numpy as np

from builder.alarms.choice import AlarmChoice
from builder.evaluation.figures import Figures, figure
from builder.evaluation.intervals import Difference, compare, resample
from builder.evaluation.metrics import ReliabilityBin, auc, expected_calibration_error, reliability
from builder.evaluation.operating_point import OperatingPoint, operating_point
from builder.evaluation.roc_band import RocBand, roc_band
from builder.evaluation.scores import Scores
from builder.evidence.kinds import Evidence
from builder.report.data import Calibrated, DataSummary, Kind, ReportData, StageTime, Subject, TargetFacts
from models.errors import NexaraError
from models.manifest import Calibration, Geometry, Lineage, Preprocessing

FORMAT = "1.0"


class ReportError(NexaraError):
    """A report cannot be made of what was given."""


class FoldFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One subject on the clips that one fold held out; ``auc`` is ``None`` where the fold has one class only."""

    fold: int
    clips: int
    sources: int
    accuracy: float
    auc: float | None


class SubjectFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One member, the ensemble, the float student or one compiled target, on clips that it never learnt from.

    ``figures`` pool the clips of all folds, each once; ``folds`` split them; ``against_student`` is this subject less
    the float student on the same clips (``None`` for the student itself).
    """

    name: str
    kind: Kind
    figures: Figures
    folds: tuple[FoldFigures, ...]
    roc: RocBand | None
    against_student: Difference | None


class MethodFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One way to calibrate the student: its expected calibration error over ten bins, and its Brier score, the mean
    squared distance of probability and label."""

    method: Calibrated
    error: float
    brier: float
    ships: bool


class CalibrationFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The student's reliability before and after calibration, the ways to calibrate side by side, and what the bundle's
    own thresholds call on the held-out clips."""

    before: tuple[ReliabilityBin, ...]
    after: tuple[ReliabilityBin, ...]
    error_before: float
    error_after: float
    methods: tuple[MethodFigures, ...]
    operating_points: tuple[OperatingPoint, ...]


class ReportFigures(msgspec.Struct, frozen=True, kw_only=True):
    """``report.json``. ``subjects`` holds exactly one of kind ``student``; ``targets`` gives size (bytes) and latency
    (milliseconds) of each compiled target, whose accuracy is the subject of the same name. ``evidence`` was measured by
    other commands, of the recipe or of this very bundle."""

    format: str = FORMAT
    name: str
    version: str
    created: str
    protocol: tuple[str, ...]
    threshold: float
    subjects: tuple[SubjectFigures, ...]
    calibration: CalibrationFigures
    targets: tuple[TargetFacts, ...]
    data: tuple[DataSummary, ...]
    geometry: Geometry
    preprocessing: Preprocessing
    decision: Calibration
    lineage: Lineage
    stages: tuple[StageTime, ...]
    alarms: AlarmChoice | None = None
    evidence: tuple[Evidence, ...] = ()
    notes: tuple[str, ...]

    def student(self) -> SubjectFigures:
        """The float student."""
        return next(subject for subject in self.subjects if subject.kind == "student")

    def subject(self, name: str) -> SubjectFigures | None:
        """The subject of that name, if it was judged."""
        return next((subject for subject in self.subjects if subject.name == name), None)


def make_figures(data: ReportData, generator: np.random.Generator) -> ReportFigures:
    """Compute all figures; raises ``ReportError`` unless there is exactly one student and names are unique, and
    ``NoClipsError`` for a subject without clips."""
    student = _student(data)
    return ReportFigures(
        name=data.name,
        version=data.version,
        created=data.created,
        protocol=data.protocol,
        threshold=data.threshold,
        subjects=tuple(_judge(subject, student, data.threshold, generator) for subject in data.subjects),
        calibration=_calibrate(student.scores, data),
        targets=data.targets,
        data=data.data,
        geometry=data.geometry,
        preprocessing=data.preprocessing,
        decision=data.calibration,
        lineage=data.lineage,
        stages=data.stages,
        alarms=data.alarms,
        evidence=data.evidence,
        notes=data.notes,
    )


def _student(data: ReportData) -> Subject:
    students = [subject for subject in data.subjects if subject.kind == "student"]
    names = [subject.name for subject in data.subjects]
    if len(students) != 1 or len(set(names)) != len(names):
        raise ReportError(
            f"{len(students)} students among subjects {', '.join(names) or '(none)'}; a report needs exactly one, and "
            "names that differ"
        )
    return students[0]


def _judge(subject: Subject, student: Subject, threshold: float, generator: np.random.Generator) -> SubjectFigures:
    figures = figure(subject.scores, threshold, generator)
    table = subject.scores.table()
    other = subject.kind != "student"
    return SubjectFigures(
        name=subject.name,
        kind=subject.kind,
        figures=figures,
        folds=tuple(_fold(subject.scores, fold, threshold) for fold in subject.scores.folds()),
        roc=roc_band(table, resample(table, generator)),
        against_student=compare(student.scores, subject.scores, threshold, generator) if other else None,
    )


def _fold(scores: Scores, fold: int, threshold: float) -> FoldFigures:
    held_out = scores.fold(fold)
    table = held_out.table()
    area = auc(table.labels, table.probabilities)
    return FoldFigures(
        fold=fold,
        clips=len(held_out.clips),
        sources=len(np.unique(table.groups)),
        accuracy=float(np.mean((table.probabilities >= threshold) == (table.labels == 1))),
        auc=None if np.isnan(area) else area,
    )


def _calibrate(scores: Scores, data: ReportData) -> CalibrationFigures:
    table = scores.table()
    # Verdicts of a shipped network hold the shift already; only those of before know of none.
    untouched = data.reliabilities.get("none")
    raw = untouched.table().probabilities if untouched else 0.5 + 0.5 * np.tanh(table.margins / 2)
    labels = untouched.table().labels if untouched else table.labels
    thresholds = data.calibration.thresholds
    points = (("wake", thresholds.wake), ("alert", thresholds.alert), ("clear", thresholds.clear))
    return CalibrationFigures(
        before=reliability(labels, raw),
        after=reliability(table.labels, table.probabilities),
        error_before=expected_calibration_error(labels, raw),
        error_after=expected_calibration_error(table.labels, table.probabilities),
        methods=tuple(_method(name, given, name == data.method) for name, given in data.reliabilities.items()),
        operating_points=tuple(operating_point(name, value, scores) for name, value in points),
    )


def _method(name: Calibrated, scores: Scores, ships: bool) -> MethodFigures:
    table = scores.table()
    return MethodFigures(
        method=name,
        error=expected_calibration_error(table.labels, table.probabilities),
        brier=float(np.mean((table.probabilities - table.labels) ** 2)),
        ships=ships,
    )

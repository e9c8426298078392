"""What a report is made of: raw scores and facts, out of which every figure of the report is computed."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from builder.alarms.choice import AlarmChoice
from builder.evaluation.scores import Scores, Skipped
from builder.evidence.kinds import Evidence
from models.manifest import Calibration, Geometry, Latency, Lineage, Preprocessing

Kind = Literal["member", "ensemble", "student", "artifact"]
Calibrated = Literal["none", "platt", "temperature"]
"""``none`` is the network's own probability, that of temperature 1 without a shift."""
Count = Annotated[int, msgspec.Meta(ge=0)]


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A thing that was judged on clips it never learnt from: ``scores`` pool all folds, each clip once.

    ``name`` is unique in a report: ``member-1``, ``ensemble``, ``student``, or the target of an artifact. Exactly one
    subject is the ``student``, the float network that all artifacts are compiled from.
    """

    name: str
    kind: Kind
    scores: Scores


class TargetFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Size and speed of one target of the bundle; its scores are the subject of the same name.

    ``standing_in`` is the engine that judged it where its own is not on this machine; it has no latency then.
    """

    target: str
    precision: Literal["float32", "float16", "int8"]
    engine: str
    encoder_bytes: Count
    head_bytes: Count
    encoder_latency: Latency | None
    head_latency: Latency | None
    standing_in: str | None = None

    @property
    def latencies(self) -> tuple[Latency, Latency] | None:
        """Of encoder and head, where they were measured."""
        if self.encoder_latency is None or self.head_latency is None:
            return None
        return self.encoder_latency, self.head_latency


class DataSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One data set that went in; ``judged`` says whether held-out clips of it make the figures (scenes never do).

    ``skipped`` could not be decoded, ``dropped`` were not good enough; the sources in each of ``joined`` count as one.
    """

    name: str
    licence: str
    fights: Count
    calm: Count
    sources: Count
    judged: bool
    skipped: tuple[Skipped, ...] = ()
    dropped: tuple[Skipped, ...] = ()
    joined: tuple[tuple[str, ...], ...] = ()


class Epoch(msgspec.Struct, frozen=True, kw_only=True):
    """One epoch of one training run."""

    epoch: int
    loss: float
    validation_loss: float | None = None
    accuracy: float | None = None
    validation_accuracy: float | None = None


class TrainingCurve(msgspec.Struct, frozen=True, kw_only=True):
    """One training run, such as ``member-1`` or ``student`` of one fold (``None``: trained on all folds)."""

    run: str
    fold: int | None
    epochs: tuple[Epoch, ...]


class ErrorSheet(msgspec.Struct, frozen=True, kw_only=True):
    """A clip that the student got wrong, with a few pictures of it in time, each a small JPEG."""

    clip: str
    source: str
    label: Literal[0, 1]
    probability: float
    pictures: tuple[bytes, ...]


class StageTime(msgspec.Struct, frozen=True, kw_only=True):
    """How long one stage of the build took."""

    stage: str
    seconds: float


class ReportData(msgspec.Struct, frozen=True, kw_only=True):
    """All that a report says, before it is drawn.

    ``protocol`` is a few sentences in plain words on how the held-out figures came about; ``notes`` are limits that the
    reader must know. ``threshold`` is the calibrated probability from which a clip counts as a fight in accuracy,
    recall and specificity. ``reliabilities`` are the student's verdicts uncalibrated and by each way to calibrate, of
    which ``method`` ships. ``alarms`` is there where thresholds were chosen for a budget of false alarms;
    ``evidence`` is what other commands measured.
    """

    name: str
    version: str
    created: str
    protocol: tuple[str, ...]
    subjects: tuple[Subject, ...]
    targets: tuple[TargetFacts, ...]
    data: tuple[DataSummary, ...]
    geometry: Geometry
    preprocessing: Preprocessing
    calibration: Calibration
    lineage: Lineage
    threshold: float = 0.5
    method: Calibrated = "platt"
    reliabilities: dict[Calibrated, Scores] = {}
    alarms: AlarmChoice | None = None
    evidence: tuple[Evidence, ...] = ()
    curves: tuple[TrainingCurve, ...] = ()
    errors: tuple[ErrorSheet, ...] = ()
    stages: tuple[StageTime, ...] = ()
    notes: tuple[str, ...] = ()

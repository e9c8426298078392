"""The figures of one detector on one list of clips, and the reason for each figure that its clips do not allow."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import numpy as np

from builder.evaluation.intervals import Metric, bootstrap, resample, wilson
from builder.evaluation.metrics import (
    Confusion,
    Labels,
    Reals,
    ReliabilityBin,
    accuracies,
    aucs,
    confusion,
    expected_calibration_error,
    f1,
    recalls,
    recalls_at,
    reliability,
    specificities,
)
from builder.evaluation.scores import CALM, FIGHT, Scores, ScoreTable
from models.errors import NexaraError
from models.manifest import Interval

LOW_ALARM = 0.05
ThresholdMetric = Callable[[Labels, Reals, float, Reals], Reals]


class NoClipsError(NexaraError):
    """There is nothing to make a figure of."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """All in [0, 1]; ``None`` where the clips do not allow the figure, and ``missing`` then says why by its name.

    ``threshold`` is the probability from which a clip counts as a fight. ``accuracy_by_clip`` has Wilson's interval,
    which takes clips as independent; all other intervals resample sources. ``low_alarm_recall`` is the recall at the
    threshold of these very clips that calls at most ``LOW_ALARM`` of the calm ones.
    """

    clips: int
    sources: int
    fights: int
    skipped: int
    threshold: float
    accuracy: Interval
    accuracy_by_clip: Interval
    auc: Interval | None
    recall: Interval | None
    low_alarm_recall: Interval | None
    specificity: Interval | None
    f1: float | None
    confusion: Confusion
    expected_calibration_error: float
    reliability: tuple[ReliabilityBin, ...]
    missing: dict[str, str] = msgspec.field(default_factory=dict)


def figure(scores: Scores, threshold: float, generator: np.random.Generator) -> Figures:
    """Figure a detector; raises ``NoClipsError`` when no clip was scored."""
    if not scores.clips:
        raise NoClipsError(f"no clip could be scored ({len(scores.skipped)} skipped); give at least one readable clip")
    table = scores.table()
    weights = resample(table, generator)
    counts = confusion(table.labels, table.probabilities, threshold)
    by_clip = wilson(counts.true_positives + counts.true_negatives, len(table.labels))
    harmonic = f1(counts)
    absent = _absent(table)
    return Figures(
        clips=len(table.labels),
        sources=len(np.unique(table.groups)),
        fights=int(np.sum(table.labels == FIGHT)),
        skipped=len(scores.skipped),
        threshold=threshold,
        accuracy=_accuracy(table, threshold, weights, by_clip),
        accuracy_by_clip=by_clip,
        auc=bootstrap(table, lambda rows, draws: aucs(rows.labels, rows.probabilities, draws), weights),
        recall=bootstrap(table, _at(recalls, threshold), weights),
        low_alarm_recall=bootstrap(table, low_alarm_recalls, weights),
        specificity=bootstrap(table, _at(specificities, threshold), weights),
        f1=None if "f1" in absent or math.isnan(harmonic) else harmonic,
        confusion=counts,
        expected_calibration_error=expected_calibration_error(table.labels, table.probabilities),
        reliability=reliability(table.labels, table.probabilities),
        missing=absent,
    )


def low_alarm_recalls(table: ScoreTable, weights: Reals) -> Reals:
    """Recall ``(B,)`` where at most ``LOW_ALARM`` of calm clips are called."""
    return recalls_at(table.labels, table.probabilities, weights, LOW_ALARM)


def _accuracy(table: ScoreTable, threshold: float, weights: Reals, by_clip: Interval) -> Interval:
    resampled = bootstrap(table, _at(accuracies, threshold), weights)
    # All right (or all wrong): resampling cannot move the figure, and an interval of no width would claim certainty.
    return by_clip if resampled is None or resampled.low == resampled.high else resampled


def _at(metric: ThresholdMetric, threshold: float) -> Metric:
    def at_threshold(table: ScoreTable, weights: Reals) -> Reals:
        return metric(table.labels, table.probabilities, threshold, weights)

    return at_threshold


def _absent(table: ScoreTable) -> dict[str, str]:
    if not np.any(table.labels == FIGHT):
        return dict.fromkeys(("auc", "recall", "low_alarm_recall", "f1"), "no clip here is a fight")
    if not np.any(table.labels == CALM):
        return dict.fromkeys(("auc", "low_alarm_recall", "specificity"), "no clip here is calm")
    return {}

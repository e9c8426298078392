"""Point metrics of a two-class detector, weighted so that one implementation serves the figure and its bootstrap.

Labels ``(N,)`` are 1 for a fight and 0 for calm; scores ``(N,)`` rise with belief in a fight; weights ``(B, N)`` hold
one row per resample. A metric that a row does not define (no fight, or no calm clip in it) is NaN there.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
Reals = NDArray[np.float64]
_ROUNDING = 1e-9


class Confusion(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of clips by truth and verdict; a positive is a fight."""

    true_positives: int
    false_negatives: int
    true_negatives: int
    false_positives: int


class ReliabilityBin(msgspec.Struct, frozen=True, kw_only=True):
    """Clips whose probability falls in one bin: their mean probability, the share that are fights, and how many."""

    probability: float
    share: float
    clips: int


@dataclass(frozen=True, slots=True)
class Roc:
    """False and true positive rates ``(B, K)``, from (0, 0) to (1, 1), one row per resample; NaN where undefined."""

    false_positive_rate: Reals
    true_positive_rate: Reals


def confusion(labels: Labels, probabilities: Reals, threshold: float) -> Confusion:
    """Count clips; a probability of at least ``threshold`` is a verdict of fight."""
    called = probabilities >= threshold
    fights = labels == 1
    return Confusion(
        true_positives=int(np.sum(called & fights)),
        false_negatives=int(np.sum(~called & fights)),
        true_negatives=int(np.sum(~called & ~fights)),
        false_positives=int(np.sum(called & ~fights)),
    )


def accuracies(labels: Labels, probabilities: Reals, threshold: float, weights: Reals) -> Reals:
    """Weighted share of right verdicts ``(B,)``."""
    right = (probabilities >= threshold) == (labels == 1)
    return _ratio(weights @ right.astype(np.float64), weights.sum(axis=1))


def recalls(labels: Labels, probabilities: Reals, threshold: float, weights: Reals) -> Reals:
    """Weighted share of fights that were called ``(B,)``."""
    fights = (labels == 1).astype(np.float64)
    return _ratio(weights @ (fights * (probabilities >= threshold)), weights @ fights)


def specificities(labels: Labels, probabilities: Reals, threshold: float, weights: Reals) -> Reals:
    """Weighted share of calm clips that were left alone ``(B,)``."""
    calm = (labels == 0).astype(np.float64)
    return _ratio(weights @ (calm * (probabilities < threshold)), weights @ calm)


def rocs(labels: Labels, scores: Reals, weights: Reals) -> Roc:
    """Weighted ROC curves, one point per distinct score, so that ties make one slanted step."""
    order = np.argsort(-scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=np.inf) != 0)
    fights = weights[:, order] * (labels[order] == 1)
    calm = weights[:, order] * (labels[order] == 0)
    origin = np.zeros((len(weights), 1))
    hits = np.concatenate([origin, np.cumsum(np.add.reduceat(fights, starts, axis=1), axis=1)], axis=1)
    alarms = np.concatenate([origin, np.cumsum(np.add.reduceat(calm, starts, axis=1), axis=1)], axis=1)
    return Roc(false_positive_rate=_ratio(alarms, alarms[:, -1:]), true_positive_rate=_ratio(hits, hits[:, -1:]))


def recalls_at(labels: Labels, scores: Reals, weights: Reals, rate: float) -> Reals:
    """Weighted recall ``(B,)`` at each row's own lowest threshold that calls at most ``rate`` of the calm clips.

    Steps of the curve are taken whole: nothing between two thresholds that the scores allow is promised.
    """
    roc = rocs(labels, scores, weights)
    allowed = roc.false_positive_rate <= rate + _ROUNDING
    best = np.max(np.where(allowed, roc.true_positive_rate, 0.0), axis=1)
    defined = np.isfinite(roc.false_positive_rate[:, -1]) & np.isfinite(roc.true_positive_rate[:, -1])
    return np.where(defined, best, np.nan)


def aucs(labels: Labels, scores: Reals, weights: Reals) -> Reals:
    """Exact weighted area under the ROC curve ``(B,)``: the chance that a fight outscores a calm clip, ties half."""
    roc = rocs(labels, scores, weights)
    return np.asarray(np.trapezoid(roc.true_positive_rate, roc.false_positive_rate, axis=1), dtype=np.float64)


def auc(labels: Labels, scores: Reals) -> float:
    """Exact area under the ROC curve; NaN when a class is absent."""
    return float(aucs(labels, scores, np.ones((1, len(labels))))[0])


def f1(counts: Confusion) -> float:
    """Harmonic mean of precision and recall; NaN when nothing is, or is called, a fight."""
    whole = 2 * counts.true_positives + counts.false_positives + counts.false_negatives
    return 2 * counts.true_positives / whole if whole else float("nan")


def reliability(labels: Labels, probabilities: Reals, bins: int = 10) -> tuple[ReliabilityBin, ...]:
    """The reliability curve over equal bins of probability, empty bins left out."""
    place = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    return tuple(
        ReliabilityBin(
            probability=float(probabilities[place == bin_].mean()),
            share=float(labels[place == bin_].mean()),
            clips=int(np.sum(place == bin_)),
        )
        for bin_ in np.unique(place)
    )


def expected_calibration_error(labels: Labels, probabilities: Reals, bins: int = 10) -> float:
    """Mean distance of the reliability curve from the diagonal, weighted by clips (Naeini et al.,
    2015; Guo et al., 2017)."""
    curve = reliability(labels, probabilities, bins)
    return sum(abs(bin_.probability - bin_.share) * bin_.clips for bin_ in curve) / len(labels)


def _ratio(part: Reals, whole: Reals) -> Reals:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(part / whole, dtype=np.float64)

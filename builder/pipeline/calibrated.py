"""Calibration of each judged fold from clips that its own network never saw and that it is not judged on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from builder.errors import DataError
from builder.evaluation.scores import ClipScore, Scores
from builder.training.calibration import FITS, Method, Platt, choose_thresholds
from models.manifest import Thresholds

CLASSES = 2


class FoldCalibration(msgspec.Struct, frozen=True):
    """How margins of one fold's network become probabilities, and its thresholds."""

    temperature: float
    shift: float
    thresholds: Thresholds

    @property
    def platt(self) -> Platt:
        return Platt(self.temperature, self.shift)


UNCALIBRATED = FoldCalibration(1.0, 0.0, Thresholds(wake=0.5, clear=0.5, alert=0.5))
"""Probabilities as the network's margins give them."""


def calibrate_folds(
    scores: Mapping[int, Scores], kept: Mapping[int, frozenset[str]], method: Method = "platt"
) -> dict[int, FoldCalibration]:
    """Calibration per fold.

    ``scores`` are each fold's verdicts on all clips that it held out and ``kept`` names, per fold, those of them that
    it kept for calibration. Where it kept none, the verdicts that the other folds' networks gave on their own held-out
    clips serve in their place: no clip of the fold itself is among them. Raises ``DataError`` when those that serve are
    of one class only.
    """
    found = {}
    for fold, own in scores.items():
        if kept[fold]:
            used = [score for score in own.clips if score.clip in kept[fold]]
        else:
            used = [score for other, given in scores.items() if other != fold for score in given.clips]
        found[fold] = fit_calibration(used, f"fold {fold}", method)
    return found


def fit_calibration(used: Sequence[ClipScore], where: str, method: Method = "platt") -> FoldCalibration:
    """Calibration from verdicts on clips that their networks held out.

    Raises ``DataError`` naming ``where`` when they are of one class only.
    """
    margins = np.array([score.margin for score in used])
    labels = np.array([score.label for score in used])
    if len(set(labels.tolist())) < CLASSES:
        raise DataError(
            f"{where}: the {len(used)} clip(s) for its calibration are not of both classes; give clips of more "
            "sources, or ask the recipe for fewer folds"
        )
    platt = FITS[method](margins, labels)
    thresholds = choose_thresholds(platt.probabilities(margins), labels)
    return FoldCalibration(platt.temperature, platt.shift, thresholds)


def apply_calibration(scores: Scores, calibration: FoldCalibration, without: frozenset[str]) -> Scores:
    """The verdicts with calibrated probabilities, less the clips that were kept for calibration."""
    told = []
    for score in scores.clips:
        if score.clip in without:
            continue
        probability = float(calibration.platt.probabilities(np.array([score.margin]))[0])
        told.append(msgspec.structs.replace(score, probability=probability))
    return Scores(clips=tuple(told), skipped=scores.skipped)


def pool(scores: Mapping[int, Scores]) -> Scores:
    """All folds' verdicts together."""
    return Scores(clips=tuple(score for fold in sorted(scores) for score in scores[fold].clips))

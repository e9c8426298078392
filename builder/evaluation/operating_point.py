"""What one of a bundle's thresholds would have called."""

from __future__ import annotations

import msgspec
import numpy as np

from builder.evaluation.scores import Scores


class OperatingPoint(msgspec.Struct, frozen=True, kw_only=True):
    """What one of the bundle's own thresholds would have called; ``None`` where a class is absent."""

    name: str
    threshold: float
    recall: float | None
    specificity: float | None


def operating_point(name: str, threshold: float, scores: Scores) -> OperatingPoint:
    """What ``threshold`` would have called of ``scores``."""
    fights = [score.probability >= threshold for score in scores.clips if score.label]
    calm = [score.probability < threshold for score in scores.clips if not score.label]
    return OperatingPoint(
        name=name,
        threshold=threshold,
        recall=float(np.mean(fights)) if fights else None,
        specificity=float(np.mean(calm)) if calm else None,
    )

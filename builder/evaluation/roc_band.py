"""The ROC curve with its uncertainty, on a fixed grid."""

from __future__ import annotations

import msgspec
import numpy as np

from builder.evaluation.metrics import Reals, rocs
from builder.evaluation.scores import ScoreTable

_GRID = 101


class RocBand(msgspec.Struct, frozen=True, kw_only=True):
    """True positive rate by false positive rate, with the pointwise 95 % band over resampled sources."""

    false_positive_rate: tuple[float, ...]
    true_positive_rate: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def roc_band(table: ScoreTable, weights: Reals) -> RocBand | None:
    """The curve and its band from resamples ``weights (B, N)``; ``None`` where a class is absent."""
    curve = rocs(table.labels, table.probabilities, np.ones((1, len(table.labels))))
    if not np.isfinite(curve.true_positive_rate).all() or not np.isfinite(curve.false_positive_rate).all():
        return None
    grid = np.linspace(0, 1, _GRID)
    draws = rocs(table.labels, table.probabilities, weights)
    rates = np.stack(
        [
            np.interp(grid, alarms, hits)
            for alarms, hits in zip(draws.false_positive_rate, draws.true_positive_rate, strict=True)
            if np.isfinite(alarms).all() and np.isfinite(hits).all()
        ]
    )
    low, high = np.percentile(rates, [2.5, 97.5], axis=0)
    middle = np.interp(grid, curve.false_positive_rate[0], curve.true_positive_rate[0])
    return RocBand(
        false_positive_rate=tuple(grid.tolist()),
        true_positive_rate=tuple(middle.tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
    )

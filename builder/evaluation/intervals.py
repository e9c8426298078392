"""95 % intervals, and differences between two detectors on the same clips.

Clips of one source resemble each other, so whole sources are resampled, not clips (cluster bootstrap, percentile
method; Davison & Hinkley 1997, 3.8). Taking clips as independent would make intervals too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Literal

import msgspec
import numpy as np

from builder.evaluation.metrics import Reals, accuracies, aucs
from builder.evaluation.scores import Scores, ScoreTable
from models.errors import NexaraError
from models.manifest import Interval

RESAMPLES = 2000
_Z = NormalDist().inv_cdf(0.975)

Metric = Callable[[ScoreTable, Reals], Reals]


class UnpairedError(NexaraError):
    """Two score lists to compare are not about the same clips."""


class Flip(msgspec.Struct, frozen=True, kw_only=True):
    """A clip of which two detectors say otherwise: its label, and the probability that each gives."""

    clip: str
    label: Literal[0, 1]
    first: float
    second: float


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Second detector less first, on the same clips: figures in [-1, 1]; AUC is ``None`` where a class is absent.

    ``largest_deviation`` and ``mean_deviation`` are of a clip's probability, ``flips`` counts the clips whose verdict
    differs, and ``flipped`` are those.
    """

    accuracy: Interval
    auc: Interval | None
    largest_deviation: float
    mean_deviation: float
    flips: int
    flipped: tuple[Flip, ...] = ()


def wilson(right: int, total: int) -> Interval:
    """The score interval of a share (Wilson 1927); ``total >= 1``."""
    share = right / total
    spread = _Z * math.sqrt(share * (1 - share) / total + _Z**2 / (4 * total**2))
    middle, whole = share + _Z**2 / (2 * total), 1 + _Z**2 / total
    return Interval(value=share, low=max(0.0, (middle - spread) / whole), high=min(1.0, (middle + spread) / whole))


def resample(table: ScoreTable, generator: np.random.Generator, resamples: int = RESAMPLES) -> Reals:
    """How often each clip is drawn, ``(resamples, N)`` float64: whole sources are drawn with replacement.

    Where all clips are of one source there is nothing to draw from, and clips are drawn instead.
    """
    groups = table.groups if len(np.unique(table.groups)) > 1 else np.arange(len(table.labels))
    count = int(groups.max()) + 1
    drawn = generator.multinomial(count, np.full(count, 1 / count), size=resamples)
    return drawn[:, groups].astype(np.float64)


def bootstrap(table: ScoreTable, metric: Metric, weights: Reals) -> Interval | None:
    """A metric with its percentile interval over resamples that define it; ``None`` where the clips do not."""
    value = float(metric(table, np.ones((1, len(table.labels))))[0])
    if math.isnan(value):
        return None
    return _interval(value, metric(table, weights))


def compare(first: Scores, second: Scores, threshold: float, generator: np.random.Generator) -> Difference:
    """``second`` less ``first``, paired by clip: both are figured on the very same resamples.

    Raises ``UnpairedError`` when the two were not scored on the same clips.
    """
    one, two = _aligned(first, second)
    weights = resample(one, generator)
    ones = np.ones((1, len(one.labels)))

    def accuracy(table: ScoreTable, rows: Reals) -> Reals:
        return accuracies(table.labels, table.probabilities, threshold, rows)

    def area(table: ScoreTable, rows: Reals) -> Reals:
        return aucs(table.labels, table.probabilities, rows)

    def difference(metric: Metric) -> Interval | None:
        value = float((metric(two, ones) - metric(one, ones))[0])
        return None if math.isnan(value) else _interval(value, metric(two, weights) - metric(one, weights))

    by_accuracy = difference(accuracy)
    if by_accuracy is None:
        raise UnpairedError("two score lists without a single clip cannot be compared")
    deviations = np.abs(two.probabilities - one.probabilities)
    flipped = _flipped(first, two, threshold)
    return Difference(
        accuracy=by_accuracy,
        auc=difference(area),
        largest_deviation=float(deviations.max()),
        mean_deviation=float(deviations.mean()),
        flips=len(flipped),
        flipped=flipped,
    )


def _flipped(first: Scores, two: ScoreTable, threshold: float) -> tuple[Flip, ...]:
    pairs = zip(first.clips, two.probabilities, strict=True)
    return tuple(
        Flip(clip=score.clip, label=score.label, first=score.probability, second=float(other))
        for score, other in pairs
        if (score.probability >= threshold) != (other >= threshold)
    )


def _interval(value: float, draws: Reals) -> Interval:
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return Interval(value=value, low=float(low), high=float(high))


def _aligned(first: Scores, second: Scores) -> tuple[ScoreTable, ScoreTable]:
    names = [score.clip for score in first.clips]
    rows = {score.clip: index for index, score in enumerate(second.clips)}
    odd = sorted(set(names) ^ set(rows))
    if odd or not names:
        raise UnpairedError(
            f"{len(odd)} clips were scored by only one of two detectors, such as {', '.join(odd[:3]) or 'none at all'};"
            " score both on the same clips"
        )
    order = np.array([rows[name] for name in names], dtype=np.int64)
    return first.table(), second.table().take(order)

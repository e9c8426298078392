"""A technique on and off on the same clips: figures over seeds, and their paired difference.

Two things make a figure uncertain: which sources were filmed, and which seed a network began with. Both are resampled:
each resample draws whole sources (as ``builder.evaluation.intervals`` does) and, with replacement, seeds, and takes the
mean of the drawn seeds' figures. On and off are figured on the very same draws, seed by seed, so that what is common to
both cancels (Davison & Hinkley 1997, 3.8; Bouthillier et al., Accounting for variance in machine learning benchmarks,
2021).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.evaluation.figures import low_alarm_recalls
from builder.evaluation.intervals import UnpairedError, resample
from builder.evaluation.metrics import Reals, accuracies, aucs
from builder.evaluation.scores import DECISION, Scores, ScoreTable
from models.manifest import Interval


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """Mean over seeds, each with its 95 % interval over sources and seeds."""

    accuracy: Interval
    auc: Interval
    low_alarm_recall: Interval


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """``difference`` is on less off; ``clips`` are those that both judged."""

    clips: int
    seeds: int
    on: Measures
    off: Measures
    difference: Measures


def compare_arms(on: Sequence[Scores], off: Sequence[Scores], generator: np.random.Generator) -> Comparison:
    """Compare one list of verdicts a seed with another, seed by seed, on the clips that all of them judged.

    Raises ``UnpairedError`` when there is no such clip, or only of one class.
    """
    common = set.intersection(*({score.clip for score in scores.clips} for scores in (*on, *off)))
    tables = {"on": [_only(scores, common) for scores in on], "off": [_only(scores, common) for scores in off]}
    first = tables["on"][0]
    if len(set(first.labels.tolist())) < len((0, 1)):
        raise UnpairedError(f"{len(common)} clip(s) were judged both on and off, not of both classes; nothing compares")
    weights = resample(first, generator)
    chosen = generator.integers(0, len(on), (len(weights), len(on)))
    drawn = {name: _draws(tables[name], weights, chosen) for name in tables}
    return Comparison(
        clips=len(common),
        seeds=len(on),
        on=_measures(drawn["on"]),
        off=_measures(drawn["off"]),
        difference=_measures({key: drawn["on"][key] - drawn["off"][key] for key in drawn["on"]}),
    )


def _only(scores: Scores, names: set[str]) -> ScoreTable:
    kept = sorted((score for score in scores.clips if score.clip in names), key=lambda score: score.clip)
    return Scores(clips=tuple(kept)).table()


def _draws(tables: Sequence[ScoreTable], weights: Reals, chosen: NDArray[np.int64]) -> dict[str, Reals]:
    """By metric ``(1 + B,)``: the mean over all seeds on all clips, then that of each resample's seeds and sources."""
    ones = np.ones((1, weights.shape[1]))
    drawn = {}
    for name, metric in _METRICS.items():
        figures = np.stack([metric(table, weights) for table in tables])
        resampled = np.mean(figures[chosen.T, np.arange(len(weights))], axis=0)
        value = np.mean([metric(table, ones)[0] for table in tables])
        drawn[name] = np.concatenate([[value], resampled])
    return drawn


def _measures(drawn: Mapping[str, Reals]) -> Measures:
    return Measures(**{name: _interval(draws) for name, draws in drawn.items()})


def _interval(draws: Reals) -> Interval:
    low, high = np.nanpercentile(draws[1:], [2.5, 97.5])
    return Interval(value=float(draws[0]), low=float(low), high=float(high))


def _accuracy(table: ScoreTable, weights: Reals) -> Reals:
    return accuracies(table.labels, table.probabilities, DECISION, weights)


def _auc(table: ScoreTable, weights: Reals) -> Reals:
    return aucs(table.labels, table.probabilities, weights)


_METRICS: Mapping[str, Callable[[ScoreTable, Reals], Reals]] = {
    "accuracy": _accuracy,
    "auc": _auc,
    "low_alarm_recall": low_alarm_recalls,
}

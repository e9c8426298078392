"""Lines from the top of a picture to its bottom at which one picture ends and another begins.

At a seam almost every row has a step that is larger than anything beside it, whether the two pictures touch or a
border lies between them. So each row votes, and the share of votes is the seam's score. An edge of a single camera's
picture (a pole, a door) rarely reaches from top to bottom, and where something moves past it, both sides change
together, which no two cameras do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.grid_finding.evidence import REACH, Evidence, Reals

WIDEST_BORDER = 10
_LEAST_STEP = 4.0
_OUTSTANDING = 1.5
_NEAR, _FAR = 4, 14
_TOGETHER = 0.2
# How far compression moves an edge, in pixels; how far it bends a colour, in grey levels, and in how many rows.
_BLUR = 3
# What a pixel's distance from where a seam was found must gain in votes.
_DRIFT = 0.02
_ONE_COLOUR = 8.0
_PLAIN, _PLAINER = 0.75, 0.2
# A line spans a band of an eighth of its length where so many more rows than usual have a step.
_BANDS, _IN_BAND = 8, 0.2


@dataclass(frozen=True, slots=True)
class Seam:
    """Where a picture ends (``start``) and the next begins (``stop``), in pixels, with the border between them, if
    there is one."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Profile:
    """Of each vertical line ``(W + 1,)``, left of the pixel of its number: how much it looks like a seam or the first
    edge of its border, 0 as any line and 1 where every row has a step (``scores``); and over what share of its length
    it does so at all (``spans``)."""

    scores: NDArray[np.float64]
    spans: NDArray[np.float64]


def profile(evidence: Evidence) -> Profile:
    """How much each vertical line looks like a seam."""
    votes = _vote(evidence.mean)
    best, spans = np.zeros(votes.shape[1]), np.zeros(votes.shape[1])
    bands = np.array_split(np.arange(len(votes)), _BANDS)
    for border in range(WIDEST_BORDER + 1):
        count = votes.shape[1] - border
        either = votes[:, :count] | votes[:, border:]
        share = either.mean(axis=0)
        usual = float(np.median(share))
        scores = (share - usual) / (1 - usual + 1e-6) - 0.01 * border
        better = scores > best[:count]
        best[:count][better] = scores[better]
        spanned = np.mean([either[band][:, better].mean(axis=0) > usual + _IN_BAND for band in bands], axis=0)
        spans[:count][better] = spanned
    return Profile(np.where(_moves_together(evidence), 0.0, best), spans)


def place_seam(evidence: Evidence, near: int) -> Seam:
    """The seam whose border, if it has one, begins or ends up to ``WIDEST_BORDER`` right of the line ``near``."""
    width = evidence.size[1]
    around = slice(max(0, near - 3 * _FAR), min(width, near + 3 * _FAR))
    low, high = max(1, near - _BLUR), min(width - 1, near + WIDEST_BORDER + _BLUR)
    shares = _vote(evidence.mean[:, around]).mean(axis=0)
    lines = np.arange(low, high + 1)
    edge = int(lines[np.argmax(shares[lines - around.start] - _DRIFT * np.abs(lines - near))])
    plain = _plain_columns(evidence.mean[:, around])
    runs = np.flatnonzero(np.diff(np.concatenate([[0], plain, [0]]))).reshape(-1, 2) + around.start
    for start, stop in runs:
        if stop - start <= WIDEST_BORDER and min(abs(edge - start), abs(edge - stop)) <= _BLUR:
            return Seam(int(start), int(stop))
    close = slice(max(1, edge - _BLUR), min(width - 1, edge + _BLUR) + 1)
    steps = np.abs(evidence.mean[:, close] - evidence.mean[:, close.start - 1 : close.stop - 1])
    # The median: a clock or a name close to a seam has few rows with a step, but large ones.
    cut = close.start + int(np.argmax(np.median(steps, axis=0)))
    return Seam(cut, cut)


def _vote(mean: Reals) -> NDArray[np.bool_]:
    """Which rows have an outstanding step at which line, ``(H, W + 1)``."""
    width = mean.shape[1]
    sums = np.cumsum(np.pad(mean, ((0, 0), (1, 0))), axis=1, dtype=np.float64)
    steps = np.abs(sums[:, 4:] - 2 * sums[:, 2:-2] + sums[:, :-4]) / 2
    beside = np.maximum(_average(steps, -_FAR, -_NEAR), _average(steps, _NEAR, _FAR))
    votes = np.zeros((len(mean), width + 1), bool)
    votes[:, 2:-2] = steps > _LEAST_STEP + _OUTSTANDING * beside
    return votes


def _average(steps: NDArray[np.float64], low: int, high: int) -> NDArray[np.float64]:
    """Mean of the steps from ``low`` to ``high`` lines away."""
    count = steps.shape[1]
    sums = np.cumsum(np.pad(steps, ((0, 0), (1, 0))), axis=1)
    lines = np.arange(count)
    first, last = np.clip(lines + low, 0, count), np.clip(lines + high + 1, 0, count)
    return np.asarray((sums[:, last] - sums[:, first]) / np.maximum(last - first, 1))


def _moves_together(evidence: Evidence) -> NDArray[np.bool_]:
    """Whether both sides of a line ``(W + 1,)`` change together, summed over its rows."""
    energy, products = evidence.energy.sum(axis=0), evidence.across.sum(axis=0)
    together = np.zeros(evidence.size[1] + 1, bool)
    both = np.sqrt(energy[: -2 * REACH] * energy[2 * REACH :])
    together[REACH : -REACH - 1] = products[REACH:-REACH] > _TOGETHER * both + 1e-3
    return together


def _plain_columns(mean: Reals) -> NDArray[np.int8]:
    """1 for each column that is of one colour from top to bottom, as a border is and its neighbours are not."""
    alike = (np.abs(mean - np.median(mean, axis=0)) < _ONE_COLOUR).mean(axis=0)
    plain: NDArray[np.int8] = ((alike > _PLAIN) & (alike > float(np.median(alike)) + _PLAINER)).astype(np.int8)
    return plain

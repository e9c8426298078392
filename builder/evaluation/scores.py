"""Scores: what one detector said of each clip, as plain data that a stage can write and a report can read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

FIGHT: Literal[1] = 1
CALM: Literal[0] = 0
DECISION = 0.5
"""The probability from which a clip counts as a fight where figures are compared; a bundle's thresholds are its own."""


class ClipScore(msgspec.Struct, frozen=True, kw_only=True):
    """One clip's verdict.

    ``margin`` is the fight logit less the calm logit, each a mean over the clip's windows; ``probability`` is the
    calibrated one of a fight. ``fold`` names the fold that held the clip out, where there are folds.
    """

    clip: str
    source: str
    label: Literal[0, 1]
    margin: float
    probability: float
    windows: int
    fold: int | None = None


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """A clip that could not be scored, and why."""

    clip: str
    reason: str


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """All verdicts of one detector, with what was skipped."""

    clips: tuple[ClipScore, ...]
    skipped: tuple[Skipped, ...] = ()

    def table(self) -> ScoreTable:
        """The same as aligned arrays."""
        sources = [score.source for score in self.clips]
        return ScoreTable(
            labels=np.array([score.label for score in self.clips], dtype=np.int64),
            margins=np.array([score.margin for score in self.clips], dtype=np.float64),
            probabilities=np.array([score.probability for score in self.clips], dtype=np.float64),
            groups=np.unique(np.array(sources, dtype=np.str_), return_inverse=True)[1].reshape(-1).astype(np.int64),
        )

    def apart(self) -> Scores:
        """The same with each clip as a source of its own, so that intervals resample clips."""
        return Scores(
            clips=tuple(msgspec.structs.replace(score, source=score.clip) for score in self.clips), skipped=self.skipped
        )

    def fold(self, fold: int) -> Scores:
        """Only the clips that ``fold`` held out."""
        return Scores(clips=tuple(score for score in self.clips if score.fold == fold))

    def folds(self) -> tuple[int, ...]:
        """The folds there are, ascending."""
        return tuple(sorted({score.fold for score in self.clips if score.fold is not None}))


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Scores as columns, each ``(N,)``: ``labels`` in {0, 1}, ``margins``, ``probabilities`` in [0, 1], and ``groups``,
    the number of each clip's source, from 0 without a gap."""

    labels: NDArray[np.int64]
    margins: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    groups: NDArray[np.int64]

    def take(self, indices: NDArray[np.int64]) -> ScoreTable:
        """The rows at ``indices`` ``(M,)``, repeats allowed."""
        return ScoreTable(
            labels=self.labels[indices],
            margins=self.margins[indices],
            probabilities=self.probabilities[indices],
            groups=self.groups[indices],
        )


def write_scores(scores: Scores, path: Path) -> None:
    """Write scores as JSON."""
    path.write_bytes(msgspec.json.encode(scores))


def read_scores(path: Path) -> Scores:
    """Read what ``write_scores`` wrote."""
    return msgspec.json.decode(path.read_bytes(), type=Scores)

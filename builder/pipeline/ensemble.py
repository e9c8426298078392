"""Several networks judged as one: their logits are averaged."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.evaluation.scores import Scores
from builder.evaluation.scoring import Scorer


class Ensemble:
    """A scorer whose embeddings are the members' side by side; members need not share a width."""

    def __init__(self, members: Sequence[Scorer]) -> None:
        self._members = tuple(members)
        self._widths: tuple[int, ...] = ()

    def encode(self, samples: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embeddings ``(N, D1 + D2 + ...) float32`` of samples ``(N, H, W, C) uint8``."""
        parts = [member.encode(samples) for member in self._members]
        self._widths = tuple(part.shape[-1] for part in parts)
        return np.concatenate(parts, axis=-1)

    def logits(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mean logits ``(N, 2) float32`` of windows ``(N, T, D1 + D2 + ...) float32``."""
        parts = np.split(windows, np.cumsum(self._widths)[:-1], axis=-1)
        judged = [member.logits(part) for member, part in zip(self._members, parts, strict=True)]
        return np.asarray(np.mean(judged, axis=0), dtype=np.float32)


def average_scores(members: Sequence[Scores]) -> Scores:
    """What the ensemble of members says, from what each said of the very same clips in the same order.

    Logits are averaged over members as over windows, so the mean of the members' margins is the ensemble's margin.
    Probabilities are those of the margins as they are, uncalibrated.
    """
    clips = []
    for told in zip(*(member.clips for member in members), strict=True):
        margin = float(np.mean([score.margin for score in told]))
        clips.append(msgspec.structs.replace(told[0], margin=margin, probability=float(1 / (1 + np.exp(-margin)))))
    return Scores(clips=tuple(clips), skipped=members[0].skipped)

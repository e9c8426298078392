"""Clips of the rarer class drawn more often than once an epoch.

Source: Buda, Maki & Mazurowski, A systematic study of the class imbalance problem in convolutional neural networks
(2018), which found oversampling up to an even share the best of all ways.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray


class Oversampling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Clips of the rarer class are drawn again until they are ``ratio`` of the other's (1: as many); what is drawn
    again strays ``heavier`` times as far in its views. ``seed`` says which clips are."""

    ratio: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    heavier: Annotated[float, msgspec.Meta(ge=1)] = 1.5
    seed: int = 0


def drawn_again(labels: NDArray[np.float32], ratio: float, rng: np.random.Generator) -> list[int]:
    """Indices into one-hot ``labels (N, 2)`` of the rarer class, to be added so that it reaches ``ratio`` of the other.

    Each of its clips is drawn as often as any other, give or take one; none when the class is missing or there are
    enough already.
    """
    counts = labels.sum(axis=0)
    rarer = int(np.argmin(counts))
    rows = np.flatnonzero(labels[:, rarer])
    missing = round(float(ratio * counts.max() - counts.min()))
    if missing <= 0 or not len(rows):
        return []
    rounds = [rng.permutation(rows) for _ in range(-(-missing // len(rows)))]
    return [int(row) for row in np.concatenate(rounds)[:missing]]

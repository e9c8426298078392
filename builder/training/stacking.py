"""How much each member of an ensemble counts, learnt from clips that none of them learnt from.

Source: Breiman, Stacked regressions (1996): weights that are not negative and sum to one, chosen on held-out clips; by
exponentiated gradient (Kivinen & Warmuth, Information and Computation 132, 1997), whose steps keep them so.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STEPS = 500
RATE = 0.5


def stacked_weights(logits: NDArray[np.float32], labels: NDArray[np.float32]) -> NDArray[np.float64]:
    """Weights ``(M,)`` of members under which the cross-entropy of their mean logits is least, from their ``logits
    (M, N, 2)`` on held-out windows with one-hot ``labels (N, 2)``."""
    margins = np.subtract(logits[..., 1], logits[..., 0], dtype=np.float64)
    fights = labels[:, 1].astype(np.float64)
    weights = np.full(len(margins), 1 / len(margins))
    for _ in range(STEPS):
        doubt = 0.5 + 0.5 * np.tanh(weights @ margins / 2) - fights
        steps = np.exp(-RATE * (margins @ doubt) / len(fights))
        weights = weights * steps / (weights @ steps)
    return weights

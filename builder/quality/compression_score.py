"""How much a picture has lost by block-wise compression, judged without its original.

Source: Wang, Sheikh & Bovik, No-reference perceptual quality assessment of JPEG compressed images (ICIP 2002), with the
parameters that its authors fitted to the verdicts of viewers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK = 8
BEST = 10.0
WORST = 1.0
_SMALLEST_SIDE = 2 * BLOCK
# alpha, beta, gamma1 to gamma3 of the paper.
_OFFSET, _FACTOR = -245.8909, 261.9373
_BLOCKINESS, _ACTIVITY, _CROSSINGS = -0.02398886, 0.01601664, 0.00642859


def compression_score(luma: NDArray[np.uint8]) -> float | None:
    """From 1 (blocky and blurred) to 10 (untouched), of ``luma (h, w) uint8`` in the size it was compressed in.

    It looks at a grid of eight pixels, so a picture that was scaled after its compression looks better than it is.
    ``None`` when nothing can be said: a side below 16 pixels, or a picture too flat to show any loss.
    """
    if min(luma.shape) < _SMALLEST_SIDE:
        return None
    real = luma.astype(np.float32)
    ways = np.array([_features(real), _features(real.T)])
    blockiness, activity, crossings = ways.mean(axis=0)
    if min(blockiness, activity, crossings) <= 0:
        return None
    score = _OFFSET + _FACTOR * blockiness**_BLOCKINESS * activity**_ACTIVITY * crossings**_CROSSINGS
    return float(np.clip(score, WORST, BEST))


def _features(picture: NDArray[np.float32]) -> tuple[float, float, float]:
    """Mean step across block edges, mean step within blocks, and share of zero crossings, all along rows."""
    steps = np.diff(picture, axis=1)
    edges = steps[:, BLOCK - 1 : BLOCK * (picture.shape[1] // BLOCK - 1) : BLOCK]
    across = float(np.abs(edges).mean())
    within = (BLOCK * float(np.abs(steps).mean()) - across) / (BLOCK - 1)
    signs = np.sign(steps)
    return across, within, float((signs[:, :-1] * signs[:, 1:] < 0).mean())

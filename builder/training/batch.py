"""What a network learns from in one step."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Batch(NamedTuple):
    """``windows (B, T, H, W, C) uint8`` (or, for a head alone, ``(B, T, D) float32``), their ``labels (B, 2) float32``,
    one-hot or mixed, the teacher's ``logits (B, 2) float32`` (None while there is no teacher), the ``embeddings
    (B, T, D) float32`` that the network shall have of them (None where it is free), and how much each counts:
    ``weights (B,) float32`` (None where all count alike)."""

    windows: NDArray[np.uint8] | NDArray[np.float32]
    labels: NDArray[np.float32]
    logits: NDArray[np.float32] | None = None
    embeddings: NDArray[np.float32] | None = None
    weights: NDArray[np.float32] | None = None

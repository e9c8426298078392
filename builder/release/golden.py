"""Golden inputs: a few windows with the float student's answers, for the self-test wherever a bundle is opened."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from builder.evaluation.scoring import Scorer
from models.bundle import Golden


def make_golden(student: Scorer, samples: NDArray[np.uint8]) -> Golden:
    """Ask the float student about windows ``samples (M, T, H, W, C) uint8``; pick windows that it judges firmly and of
    both classes, so that a wrong engine cannot pass by chance."""
    # One by one: feature maps of hundreds of windows are more than memory holds.
    embeddings = np.stack([student.encode(window) for window in samples])
    return Golden(samples=samples, logits=student.logits(embeddings))


def write_golden(golden: Golden, path: Path) -> None:
    """Write ``golden.npz``, compressed; the same arrays give the same bytes."""
    np.savez_compressed(path, samples=golden.samples, logits=golden.logits)

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from builder.pipeline.ensemble import Ensemble


class Brightness:
    """A scorer of ``width`` numbers a sample whose fight logit is ``gain`` times their mean."""

    def __init__(self, width: int, gain: float) -> None:
        self.width, self.gain = width, gain

    def encode(self, samples: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.repeat(samples.mean(axis=(1, 2, 3))[:, None], self.width, axis=1).astype(np.float32)

    def logits(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        assert windows.shape[-1] == self.width
        told = self.gain * windows.mean(axis=(1, 2))
        return np.stack([-told, told], axis=1).astype(np.float32)


def test_logits_are_the_members_mean_whatever_their_widths() -> None:
    ensemble = Ensemble([Brightness(2, 1.0), Brightness(5, 3.0), Brightness(1, -1.0)])
    samples = np.random.default_rng(0).integers(0, 256, (4, 3, 3, 1), np.uint8)
    embeddings = ensemble.encode(samples)
    assert embeddings.shape == (4, 8)
    windows = embeddings[np.array([[0, 1], [2, 3]])]
    level = samples.mean(axis=(1, 2, 3)).reshape(2, 2).mean(axis=1)
    np.testing.assert_allclose(ensemble.logits(windows), np.stack([-level, level], axis=1), rtol=1e-5)

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from builder.evaluation.clip_samples import ClipSamples
from builder.evaluation.scores import Skipped
from builder.evaluation.scoring import score_clips
from builder.pipeline.ensemble import Ensemble, average_scores
from tests.builder.tiny_training import GEOMETRY


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


def test_members_verdicts_averaged_are_the_ensembles_verdicts() -> None:
    rng = np.random.default_rng(1)
    clips = [ClipSamples(f"{n}", f"s{n}", 1, rng.integers(0, 9, (n + 2, 3, 3, 1), np.uint8)) for n in range(4)]
    members = [Brightness(2, 0.1), Brightness(5, -0.3), Brightness(1, 0.7)]
    absent = Skipped(clip="x", reason="broken")
    whole = score_clips(Ensemble(members), [*clips, absent], GEOMETRY, 1.0, 2)
    averaged = average_scores([score_clips(member, [*clips, absent], GEOMETRY, 1.0, 2) for member in members])
    assert averaged.skipped == whole.skipped
    for one, other in zip(averaged.clips, whole.clips, strict=True):
        assert (one.clip, one.source, one.label, one.fold) == (other.clip, other.source, other.label, other.fold)
        assert abs(one.margin - other.margin) < 1e-5
        assert abs(one.probability - other.probability) < 1e-5

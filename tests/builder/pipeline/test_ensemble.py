from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from builder.evaluation.clip_samples import ClipSamples
from builder.evaluation.scores import Skipped
from builder.evaluation.scoring import judge_view, score_clips
from builder.pipeline.ensemble import average_scores
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


def test_members_verdicts_averaged_are_those_of_their_mean_logits() -> None:
    rng = np.random.default_rng(1)
    clips = [ClipSamples(f"{n}", f"s{n}", 1, rng.integers(0, 9, (n + 2, 3, 3, 1), np.uint8)) for n in range(4)]
    members = [Brightness(2, 0.1), Brightness(5, -0.3), Brightness(1, 0.7)]
    absent = Skipped(clip="x", reason="broken")
    averaged = average_scores([score_clips(member, [*clips, absent], GEOMETRY, 1.0, 2) for member in members])
    assert averaged.skipped == (absent,)
    for clip, score in zip(clips, averaged.clips, strict=True):
        logits = np.mean([judge_view(member, clip.samples, GEOMETRY) for member in members], axis=0)
        margin = float((logits[:, 1] - logits[:, 0]).mean())
        assert (score.clip, score.source, score.label, score.fold) == (clip.clip, clip.source, 1, 2)
        assert abs(score.margin - margin) < 1e-5
        assert abs(score.probability - 1 / (1 + math.exp(-margin))) < 1e-5

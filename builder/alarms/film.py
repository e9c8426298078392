"""A film as one network judges it: its samples and windows, each asked about once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from builder.data.decode import DecodedClip
from builder.data.samples import nearest_frames
from builder.evaluation.scoring import Scorer
from models.manifest import Geometry, Preprocessing
from models.preprocessing import make_sample
from runtimes.pair import probability

Window = tuple[int, ...]


class JudgedFilm:
    """``temperature`` makes probabilities of the scorer's margins. Embeddings of one film are kept, some megabytes."""

    def __init__(
        self,
        decoded: DecodedClip,
        scorer: Scorer,
        temperature: float,
        geometry: Geometry,
        preprocessing: Preprocessing,
    ) -> None:
        self.times_s = decoded.times_s
        self.geometry = geometry
        self._frames = decoded.frames
        self._scorer = scorer
        self._temperature = temperature
        self._preprocessing = preprocessing
        self._back_s = np.array([2, 1, 0]) * geometry.frame_gap_s
        self._numbers: dict[tuple[int, ...], int] = {}
        self._embeddings: list[NDArray[np.float32]] = []
        self._judged: dict[Window, float] = {}

    def sample(self, instant_s: float) -> int:
        """The number of the sample at that instant; instants of the same three frames share one."""
        shown = tuple(nearest_frames(self.times_s, instant_s - self._back_s).tolist())
        if shown not in self._numbers:
            before, now, after = self._frames[list(shown)]
            sample = make_sample(before, now, after, self._preprocessing)
            self._numbers[shown] = len(self._embeddings)
            self._embeddings.append(self._scorer.encode(sample[None])[0])
        return self._numbers[shown]

    def probability(self, window: Window) -> float:
        """How likely it is, 0 to 1, that a window of samples of these numbers shows a fight."""
        if window not in self._judged:
            embeddings = np.stack([self._embeddings[number] for number in window])
            logits = self._scorer.logits(embeddings[None])
            self._judged[window] = float(probability(logits, self._temperature)[0])
        return self._judged[window]

"""Two bundles on the same samples: how far their probabilities are from each other."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np

from edge_agent.drift import DriftMeter
from edge_agent.inference import Encoded
from edge_agent.ring import EmbeddingRing
from models.manifest import Geometry
from runtimes.detector import Detector

log = logging.getLogger(__name__)

SHARE = 0.1
"""Of the time: what another encoder may take from the thread that judges."""
_MOST_SAMPLES = 8


class Comparison:
    """Has the detector of ``before`` judge some of what that of ``after`` judged; on the judging thread.

    Both see windows of the very same samples: their embeddings lie side by side in one ring a camera. ``before`` is
    closed with the comparison. A fault of it ends the comparison, never the judging.
    """

    def __init__(
        self,
        before: Detector,
        after: Detector,
        largest_gap_s: float,
        meter: DriftMeter,
        clock: Callable[[], float],
    ) -> None:
        """``clock`` is monotonic seconds."""
        self._before = before
        self._after = after
        self._largest_gap_s = largest_gap_s
        self._meter = meter
        self._clock = clock
        self._began_s = clock()
        self._spent_s = 0.0
        self._ended = False
        self._rings: dict[str, EmbeddingRing] = {}
        self._engines = ("", "")

    @property
    def before(self) -> Detector:
        """The detector of the bundle of before."""
        return self._before

    def add(self, encoded: Encoded) -> None:
        """Compare a batch, or some of it, where the share of time allows that; never raises."""
        now_s = self._clock()
        if self._ended or self._spent_s > SHARE * (now_s - self._began_s):
            return
        try:
            self._compare(encoded)
        except Exception:  # whatever it is, what watches must go on
            log.exception("the bundle of before is compared with no more")
            self._ended = True
        self._spent_s += self._clock() - now_s

    def close(self) -> None:
        """Close the detector of before."""
        self._ended = True
        self._before.close()

    def _compare(self, encoded: Encoded) -> None:
        samples, after = encoded.samples[:_MOST_SAMPLES], encoded.embeddings[:_MOST_SAMPLES]
        began_s = self._clock()
        before = self._before.encode(np.stack([sample.pixels for sample in samples]))
        took_s = (self._clock() - began_s) / len(samples)
        engines = (self._before.description, self._after.description)
        if engines != self._engines:
            # Embeddings of two engines do not mix.
            self._engines = engines
            self._rings.clear()
        windows = np.stack(
            [
                self._ring(sample.camera).append(sample.time_s, sample.run, np.concatenate(pair))
                for sample, pair in zip(samples, zip(before, after, strict=True), strict=True)
            ]
        )
        parts = np.split(windows, [before.shape[1]], axis=2)
        old, new = (np.ascontiguousarray(part) for part in parts)
        self._meter.add(self._before.judge(old), self._after.judge(new), took_s, encoded.took_s / len(encoded.samples))

    def _ring(self, camera: str) -> EmbeddingRing:
        if camera not in self._rings:
            geometry: Geometry = self._after.geometry
            self._rings[camera] = EmbeddingRing(geometry, self._largest_gap_s)
        return self._rings[camera]

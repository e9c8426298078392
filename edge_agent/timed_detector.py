"""A detector whose two halves are timed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_agent.inference import Judging
from edge_agent.tracer import Tracer


class TimedDetector:
    """Judges with ``detector``: the same arrays in and out, and the same errors."""

    def __init__(self, detector: Judging, tracer: Tracer) -> None:
        self._detector = detector
        self._tracer = tracer

    def encode(self, samples: NDArray[np.uint8]) -> NDArray[np.float32]:
        with self._tracer.timed("encode", count=len(samples)):
            return self._detector.encode(samples)

    def judge(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        with self._tracer.timed("head", count=len(windows)):
            return self._detector.judge(windows)

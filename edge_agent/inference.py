"""From samples to judgements: one encoder batch and one head batch across all cameras, on one thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge_agent.batching import BatchLimit
from edge_agent.pending import PendingSamples
from edge_agent.ring import EmbeddingRing
from edge_agent.sample import Sample
from models.manifest import Geometry

_log = logging.getLogger(__name__)
_TAKE_S = 0.2
_REST_AFTER_FAILURE_S = 1.0


class Judging(Protocol):
    """What is needed of a detector; ``runtimes.detector.Detector`` is one."""

    def encode(self, samples: NDArray[np.uint8]) -> NDArray[np.float32]:
        """``(N, H, W, C) uint8`` to embeddings ``(N, D)``."""
        ...

    def judge(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """``(N, T, D) float32`` to calibrated probabilities ``(N,)``."""
        ...


@dataclass(frozen=True, slots=True)
class Judgement:
    """The calibrated probability of the window that ends with ``sample``; ``judged_s`` by the agent's clock."""

    sample: Sample
    probability: float
    judged_s: float

    @property
    def latency_s(self) -> float:
        """Seconds from the arrival of the newest frame to the judgement."""
        return self.judged_s - self.sample.arrived_s

    @property
    def waited_s(self) -> float:
        """Seconds from the newest frame's being decoded to the judgement."""
        return self.latency_s - self.sample.late_s


@dataclass(frozen=True, slots=True)
class Encoded:
    """A batch as it was encoded: embeddings ``(N, D)`` of ``samples``, in ``took_s``."""

    samples: Sequence[Sample]
    embeddings: NDArray[np.float32]
    took_s: float


class Bench(Protocol):
    """Whoever judges; a ``Judge`` is one, and so is a seat in which judges change."""

    def judge(self, samples: Sequence[Sample]) -> list[Judgement]: ...

    def forget(self) -> None: ...

    def reflect(self) -> None:
        """Called once what was judged is delivered, for what can wait."""
        ...


class Judge:
    """Holds each camera's ring of embeddings and judges what comes."""

    def __init__(self, detector: Judging, geometry: Geometry, largest_gap_s: float, clock: Callable[[], float]) -> None:
        self._detector = detector
        self._geometry = geometry
        self._largest_gap_s = largest_gap_s
        self._clock = clock
        self._rings: dict[str, EmbeddingRing] = {}
        self._newest: dict[str, tuple[NDArray[np.uint8], NDArray[np.float32]]] = {}
        self._last: Encoded | None = None

    @property
    def last(self) -> Encoded | None:
        """What of the last batch was encoded, if anything was."""
        return self._last

    def judge(self, samples: Sequence[Sample]) -> list[Judgement]:
        """One judgement for each sample, in order; raises what the detector raises."""
        if not samples:
            return []
        self._last = None
        embeddings = self._encode(samples)
        windows = [self._window(sample, embedding) for sample, embedding in zip(samples, embeddings, strict=True)]
        probabilities = self._detector.judge(np.stack(windows))
        now = self._clock()
        return [
            Judgement(sample, float(probability), now)
            for sample, probability in zip(samples, probabilities, strict=True)
        ]

    def forget(self) -> None:
        """Begin all windows anew: embeddings of another engine do not mix with these."""
        self._rings.clear()
        self._newest.clear()

    def reflect(self) -> None:
        """Nothing can wait."""

    def _encode(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        """An embedding ``(D,)`` for each sample; those of a still one's pixels are there already."""
        known = [self._known(sample) for sample in samples]
        fresh = [sample for sample, embedding in zip(samples, known, strict=True) if embedding is None]
        more = iter(self._embed(fresh) if fresh else ())
        return [next(more) if embedding is None else embedding for embedding in known]

    def _embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        began_s = self._clock()
        embeddings = self._detector.encode(np.stack([sample.pixels for sample in samples]))
        self._last = Encoded(samples, embeddings, self._clock() - began_s)
        # Not before they are there: the engine may change meanwhile, and what was known be forgotten.
        for sample, embedding in zip(samples, embeddings, strict=True):
            self._newest[sample.camera] = sample.pixels, embedding
        return embeddings

    def _known(self, sample: Sample) -> NDArray[np.float32] | None:
        pixels, embedding = self._newest.get(sample.camera, (None, None))
        return embedding if sample.still and pixels is sample.pixels else None

    def _window(self, sample: Sample, embedding: NDArray[np.float32]) -> NDArray[np.float32]:
        ring = self._rings.get(sample.camera)
        if ring is None:
            ring = self._rings[sample.camera] = EmbeddingRing(self._geometry, self._largest_gap_s)
        return ring.append(sample.time_s, sample.run, embedding)


def judge_until(
    stop: threading.Event,
    pending: PendingSamples,
    judge: Bench,
    deliver: Callable[[list[Judgement]], None],
    clock: Callable[[], float],
) -> None:
    """The inference thread: judge what is pending until ``stop`` is set. A batch that fails is lost and counted, and
    the next is tried: an engine may come back, and the agent stays. ``clock`` is monotonic seconds."""
    limit = BatchLimit()
    while not stop.is_set():
        samples = pending.take(_TAKE_S, limit.most)
        judgements: list[Judgement] = []
        began_s = clock()
        try:
            judgements = judge.judge(samples)
        except Exception:  # noqa: BLE001 - the last place that hears of it: an agent without this thread would be blind
            _log.exception("a batch of %d samples could not be judged", len(samples))
            judge.forget()
            stop.wait(_REST_AFTER_FAILURE_S)
        if judgements:
            moving = sum(not sample.still for sample in samples)
            if moving:
                limit.took(moving, clock() - began_s)
            deliver(judgements)
            judge.reflect()
        pending.done(lost=len(samples) - len(judgements))

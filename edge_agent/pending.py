"""Samples that wait to be judged: few for each camera, the newest first to stay."""

from __future__ import annotations

import threading
from collections import deque

from edge_agent.sample import Sample
from edge_agent.tracer import UNTRACED, Tracer


class PendingSamples:
    """Between the cameras' threads and the one that judges. It never grows: a camera with ``depth`` samples waiting
    loses its oldest, which is counted."""

    def __init__(self, depth: int, tracer: Tracer = UNTRACED) -> None:
        self._depth = depth
        self._tracer = tracer
        self._queues: dict[str, deque[Sample]] = {}
        self._changed = threading.Condition()
        self._dropped = 0
        self._out: list[Sample] = []

    def __len__(self) -> int:
        with self._changed:
            return sum(map(len, self._queues.values()))

    @property
    def dropped(self) -> int:
        """Samples lost so far because they were not judged in time."""
        return self._dropped

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing taken is still at work."""
        with self._changed:
            return not self._out and not any(self._queues.values())

    def put(self, sample: Sample) -> None:
        """Add a sample, never waiting."""
        with self._changed:
            queue = self._queues.setdefault(sample.camera, deque())
            if len(queue) >= self._depth:
                self._tracer.dropped(queue.popleft())
                self._dropped += 1
            queue.append(sample)
            self._tracer.queued(sample)
            self._changed.notify()

    def take(self, timeout_s: float) -> list[Sample]:
        """All that waits, across the cameras, each camera's oldest first; empty when nothing came in ``timeout_s``."""
        with self._changed:
            if not any(self._queues.values()):
                self._changed.wait(timeout_s)
            taken = [sample for queue in self._queues.values() for sample in queue]
            for queue in self._queues.values():
                queue.clear()
            self._out = taken
            self._tracer.taken(taken)
            return taken

    def done(self, *, lost: int = 0) -> None:
        """Say that what was taken has been dealt with, ``lost`` of it without a judgement."""
        with self._changed:
            for sample in self._out[len(self._out) - lost :]:
                self._tracer.dropped(sample)
            self._out = []
            self._dropped += lost

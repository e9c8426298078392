"""Samples that wait to be judged: few for each camera, the newest first to stay."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

from edge_agent.sample import Sample
from edge_agent.tracer import UNTRACED, Tracer


class PendingSamples:
    """Between the cameras' threads and the one that judges. It never grows: a camera with ``depth`` samples waiting
    loses its oldest, and what has waited for more than ``oldest_s`` is news of the past and is given up; both are
    counted."""

    def __init__(
        self,
        depth: int,
        tracer: Tracer = UNTRACED,
        oldest_s: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._depth = depth
        self._tracer = tracer
        self._oldest_s = oldest_s
        self._clock = clock
        # The camera that was served longest ago comes first.
        self._queues: dict[str, deque[tuple[float, Sample]]] = {}
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
                self._drop(queue.popleft()[1])
            queue.append((self._clock(), sample))
            self._tracer.queued(sample)
            self._changed.notify()

    def take(self, timeout_s: float, most: int | None = None) -> list[Sample]:
        """What waits, ``most`` samples if that is less: one of each camera in turn, first those served longest
        ago, and each camera's oldest first. Empty when nothing came in ``timeout_s``."""
        with self._changed:
            if not any(self._queues.values()):
                self._changed.wait(timeout_s)
            now_s = self._clock()
            for queue in self._queues.values():
                while queue and now_s - queue[0][0] > self._oldest_s:
                    self._drop(queue.popleft()[1])
            self._out = self._pick(sum(map(len, self._queues.values())) if most is None else most)
            self._tracer.taken(self._out)
            return self._out

    def renew(self) -> None:
        """Let nothing that waits be older than now: nobody was there to take it before."""
        with self._changed:
            now_s = self._clock()
            for queue in self._queues.values():
                samples = [sample for _, sample in queue]
                queue.clear()
                queue.extend((now_s, sample) for sample in samples)

    def _pick(self, most: int) -> list[Sample]:
        taken: list[Sample] = []
        while len(taken) < most and (waiting := [camera for camera, queue in self._queues.items() if queue]):
            for camera in waiting[: most - len(taken)]:
                queue = self._queues.pop(camera)
                taken.append(queue.popleft()[1])
                self._queues[camera] = queue
        return taken

    def _drop(self, sample: Sample) -> None:
        self._tracer.dropped(sample)
        self._dropped += 1

    def done(self, *, lost: int = 0) -> None:
        """Say that what was taken has been dealt with, ``lost`` of it without a judgement."""
        with self._changed:
            for sample in self._out[len(self._out) - lost :]:
                self._tracer.dropped(sample)
            self._out = []
            self._dropped += lost

"""Times the agent's work: how long each stage took, and how much of that its thread computed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from edge_agent.inference import Judgement
from edge_agent.sample import Sample
from edge_agent.tracer import Stage


@dataclass(frozen=True, slots=True)
class Span:
    """One piece of work, in seconds of the agent's clock.

    ``elapsed_s`` is what passed in it and ``computed_s`` what its own thread computed meanwhile, both without the spans
    inside it; an engine's further threads are not seen. ``sample`` is whose wait it was, at ``wait`` alone.
    """

    stage: Stage
    camera: str
    count: int
    began_s: float
    ended_s: float
    elapsed_s: float
    computed_s: float
    sample: Sample | None = field(default=None, repr=False)


class Listener(Protocol):
    """Who is told what was timed, on the thread that did it; must not raise and hardly wait. ``waiting`` is how many
    samples wait to be judged from then on."""

    def timed(self, span: Span) -> None: ...

    def frame_read(self, camera: str) -> None: ...

    def queued(self, sample: Sample, waiting: int) -> None: ...

    def taken(self, waiting: int) -> None: ...

    def dropped(self, sample: Sample, waiting: int) -> None: ...

    def judged(self, judgement: Judgement) -> None: ...


class Stopwatch:
    """A ``Tracer`` that times what it is told of. ``clock`` is the agent's own, ``thread_clock`` gives seconds computed
    by the calling thread (``time.thread_time``)."""

    def __init__(self, listener: Listener, clock: Callable[[], float], thread_clock: Callable[[], float]) -> None:
        self._listener = listener
        self._clock = clock
        self._thread_clock = thread_clock
        self._innermost = _Innermost()
        # Each queued sample is taken or dropped, so that this never holds more than waits.
        self._since: dict[int, float] = {}

    def timed(self, stage: Stage, camera: str = "", count: int = 1) -> _Timing:
        return _Timing(self, stage, camera, count)

    def frame_read(self, camera: str) -> None:
        self._listener.frame_read(camera)

    def queued(self, sample: Sample) -> None:
        self._since[id(sample)] = self._clock()
        self._listener.queued(sample, len(self._since))

    def taken(self, samples: Sequence[Sample]) -> None:
        now_s = self._clock()
        for sample in samples:
            since_s = self._since.pop(id(sample), now_s)
            self._listener.timed(
                Span("wait", sample.camera, 1, since_s, now_s, now_s - since_s, computed_s=0.0, sample=sample)
            )
        self._listener.taken(len(self._since))

    def dropped(self, sample: Sample) -> None:
        self._since.pop(id(sample), None)
        self._listener.dropped(sample, len(self._since))

    def judged(self, judgement: Judgement) -> None:
        self._listener.judged(judgement)

    def answered(self, seconds: float) -> None:
        now_s = self._clock()
        self._listener.timed(Span("answer", "", 1, now_s - seconds, now_s, seconds, computed_s=0.0))

    def enter(self, timing: _Timing) -> None:
        """Begin a span inside the one that the calling thread is in."""
        timing.outer, self._innermost.timing = self._innermost.timing, timing
        timing.computed_s = self._thread_clock()
        timing.began_s = self._clock()

    def leave(self, timing: _Timing) -> None:
        """End the calling thread's innermost span, and tell of it."""
        ended_s = self._clock()
        computed_s = self._thread_clock() - timing.computed_s
        elapsed_s = ended_s - timing.began_s
        self._innermost.timing = outer = timing.outer
        if outer is not None:
            outer.elapsed_inside_s += elapsed_s
            outer.computed_inside_s += computed_s
        self._listener.timed(
            Span(
                timing.stage,
                timing.camera,
                timing.count,
                timing.began_s,
                ended_s,
                elapsed_s - timing.elapsed_inside_s,
                computed_s - timing.computed_inside_s,
            )
        )


@dataclass(slots=True)
class _Timing:
    stopwatch: Stopwatch
    stage: Stage
    camera: str
    count: int
    outer: _Timing | None = None
    began_s: float = 0.0
    computed_s: float = 0.0
    elapsed_inside_s: float = 0.0
    computed_inside_s: float = 0.0

    def __enter__(self) -> None:
        self.stopwatch.enter(self)

    def __exit__(self, *exception: object) -> None:
        self.stopwatch.leave(self)


class _Innermost(threading.local):
    """The span that the calling thread is in."""

    timing: _Timing | None = None

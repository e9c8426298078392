"""How work is timed, on clocks that the test moves."""

from __future__ import annotations

import threading

import pytest

from edge_agent.inference import Judgement
from edge_agent.pending import PendingSamples
from edge_agent.sample import Sample
from edge_agent.stopwatch import Span, Stopwatch
from tests.edge_agent.test_pending import sample


class Heard:
    """Keeps what a stopwatch tells."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.waiting: list[int] = []
        self.dropped_of: list[float] = []

    def timed(self, span: Span) -> None:
        self.spans.append(span)

    def frame_read(self, camera: str) -> None: ...

    def queued(self, sample: Sample, waiting: int) -> None:  # noqa: ARG002 as a Listener has it
        self.waiting.append(waiting)

    def taken(self, waiting: int) -> None:
        self.waiting.append(waiting)

    def dropped(self, sample: Sample, waiting: int) -> None:
        self.dropped_of.append(sample.time_s)
        self.waiting.append(waiting)

    def judged(self, judgement: Judgement) -> None: ...


class Clocks:
    """A clock and what the thread computed by it."""

    def __init__(self) -> None:
        self.now_s = self.computed_s = 0.0
        self.heard = Heard()
        self.stopwatch = Stopwatch(self.heard, lambda: self.now_s, lambda: self.computed_s)

    def work(self, seconds: float, computed: float) -> None:
        self.now_s += seconds
        self.computed_s += computed


def test_a_span_within_another_is_taken_out_of_it() -> None:
    clocks = Clocks()
    with clocks.stopwatch.timed("decide", "yard"):
        clocks.work(1, 0.5)
        with clocks.stopwatch.timed("snapshot", "yard", count=3):
            clocks.work(8, 6)
        clocks.work(2, 1)
    with clocks.stopwatch.timed("decide", "yard"):
        clocks.work(4, 4)
    told = [(span.stage, span.count, span.elapsed_s, span.computed_s) for span in clocks.heard.spans]
    assert told == [("snapshot", 3, 8, 6), ("decide", 1, 3, 1.5), ("decide", 1, 4, 4)]
    assert [(span.began_s, span.ended_s) for span in clocks.heard.spans] == [(1, 9), (0, 11), (11, 15)]


def test_a_span_is_told_when_its_work_fails() -> None:
    clocks = Clocks()

    def fail() -> None:
        with clocks.stopwatch.timed("decode", "yard"):
            clocks.work(3, 1)
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        fail()
    assert [(span.stage, span.elapsed_s) for span in clocks.heard.spans] == [("decode", 3)]


def test_threads_are_timed_apart() -> None:
    clocks = Clocks()

    def elsewhere() -> None:
        with clocks.stopwatch.timed("encode"):
            clocks.work(5, 5)

    with clocks.stopwatch.timed("decode", "yard"):
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join(20)
    # What another thread did meanwhile is not inside this one's span.
    assert [(span.stage, span.elapsed_s) for span in clocks.heard.spans] == [("encode", 5), ("decode", 5)]


def test_each_sample_that_waits_is_taken_or_dropped() -> None:
    clocks = Clocks()
    pending = PendingSamples(2, clocks.stopwatch)
    for time_s in range(3):
        pending.put(sample("yard", time_s))
        clocks.work(1, 1)
    assert [one.time_s for one in pending.take(0.0)] == [1, 2]
    assert [(span.stage, span.camera, span.elapsed_s) for span in clocks.heard.spans] == [
        ("wait", "yard", 2),
        ("wait", "yard", 1),
    ]
    pending.done(lost=2)
    assert clocks.heard.dropped_of == [0, 1, 2]
    assert clocks.heard.waiting == [1, 2, 1, 2, 0, 0, 0]
    assert pending.dropped == 3


def test_only_the_last_of_what_was_taken_is_lost_when_some_was_judged() -> None:
    clocks = Clocks()
    pending = PendingSamples(4, clocks.stopwatch)
    for time_s in range(3):
        pending.put(sample("yard", time_s))
    pending.take(0.0)
    pending.done(lost=1)
    assert clocks.heard.dropped_of == [2]
    pending.done()
    assert clocks.heard.dropped_of == [2]


def test_an_answer_counts_from_when_it_was_waited_for() -> None:
    clocks = Clocks()
    clocks.work(10, 1)
    clocks.stopwatch.answered(4.0)
    (span,) = clocks.heard.spans
    assert (span.stage, span.began_s, span.elapsed_s, span.computed_s) == ("answer", 6, 4, 0)

"""Puts together what different threads did for the same sample."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from edge_agent.inference import Judgement
from edge_agent.sample import Sample
from edge_agent.stopwatch import Span
from edge_agent.trace.sample_trace import SampleTrace, make_trace


@dataclass(slots=True)
class _Draft:
    sample: Sample
    way: list[Span]
    beside: list[Span] = field(default_factory=list)
    judgement: Judgement | None = None


class Recorder:
    """A ``Listener`` to the stopwatch of an agent that watches one camera; ``done`` is called, once and on a thread of
    the agent, when ``wanted`` samples have been decided upon."""

    def __init__(self, wanted: int, done: Callable[[], None]) -> None:
        self._wanted = wanted
        self._done = done
        self._lock = threading.Lock()
        self._making: list[Span] = []
        self._queued: dict[int, _Draft] = {}
        self._taken: list[_Draft] = []
        self._deciding: _Draft | None = None
        self._decided: list[_Draft] = []
        # Messages in their order, each with whom it tells of; delivery keeps that order too.
        self._unwritten: deque[_Draft | None] = deque()
        self._unsent: deque[_Draft | None] = deque()
        self._unanswered: deque[_Draft | None] = deque()

    def traces(self) -> list[SampleTrace]:
        """Of each sample decided upon, at most as many as were wanted; to be asked once the agent has ended."""
        with self._lock:
            return [
                make_trace(draft.judgement, draft.way, draft.beside)
                for draft in self._decided[: self._wanted]
                if draft.judgement is not None
            ]

    def told(self) -> None:
        """The agent told delivery something of the sample that it decides upon."""
        with self._lock:
            self._unwritten.append(self._deciding)

    def timed(self, span: Span) -> None:
        with self._lock:
            if span.stage in ("open", "decode", "shrink", "sample"):
                # Attempts to open before one that did are no part of any sample.
                self._making = [span] if span.stage == "open" else [*self._making, span]
            elif span.stage == "wait":
                self._take(span)
            elif span.stage in ("encode", "head"):
                for draft in self._taken:
                    draft.way.append(span)
            elif span.stage in ("decide", "snapshot"):
                self._decide(span)
            else:
                self._deliver(span)

    def frame_read(self, camera: str) -> None:
        """Frames are counted by their spans."""

    def queued(self, sample: Sample, waiting: int) -> None:  # noqa: ARG002 as a Listener has it
        with self._lock:
            self._queued[id(sample)] = _Draft(sample, self._making)
            self._making = []

    def taken(self, waiting: int) -> None:
        """Each sample's wait has told it already."""

    def dropped(self, sample: Sample, waiting: int) -> None:  # noqa: ARG002 as a Listener has it
        with self._lock:
            self._queued.pop(id(sample), None)
            self._taken = [draft for draft in self._taken if draft.sample is not sample]

    def judged(self, judgement: Judgement) -> None:
        with self._lock:
            self._deciding = next((draft for draft in self._taken if draft.sample is judgement.sample), None)
            if self._deciding is not None:
                self._deciding.judgement = judgement
                self._taken.remove(self._deciding)

    def _take(self, span: Span) -> None:
        draft = self._queued.pop(id(span.sample), None)
        if draft is not None:
            draft.way.append(span)
            self._taken.append(draft)

    def _decide(self, span: Span) -> None:
        draft = self._deciding
        if draft is None:
            return
        draft.way.append(span)
        if span.stage == "decide":
            self._deciding = None
            self._decided.append(draft)
            if len(self._decided) == self._wanted:
                self._done()

    def _deliver(self, span: Span) -> None:
        """A batch of messages was written, or one of them was sent or answered."""
        source, target = {
            "commit": (self._unwritten, self._unsent),
            "publish": (self._unsent, self._unanswered),
            "answer": (self._unanswered, deque[_Draft | None]()),
        }[span.stage]
        moved = list(islice(source, span.count))
        for draft in moved:
            target.append(source.popleft())
            if draft is not None and span not in draft.beside:
                draft.beside.append(span)

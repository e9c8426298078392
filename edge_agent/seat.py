"""The seat of the judge: exchanged between two batches, while cameras run."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from edge_agent.inference import Judgement
from edge_agent.sample import Sample
from edge_agent.sitting import Alone, Sitting

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Change:
    make: Callable[[Sitting], Sitting]
    lock: threading.Lock = field(default_factory=threading.Lock)
    ended: threading.Event = field(default_factory=threading.Event)
    made: bool = False
    withdrawn: bool = False


class Seat:
    """Judges with whoever sits. ``take`` comes first; ``change`` may be called from any thread, all else is the judging
    thread's."""

    def __init__(self) -> None:
        self._changes: queue.SimpleQueue[_Change] = queue.SimpleQueue()
        self._sitting: Sitting | None = None

    @property
    def taken(self) -> bool:
        """Whether somebody sits."""
        return self._sitting is not None

    @property
    def compares(self) -> bool:
        """Whether who sits is compared with the bundle of before; to be asked by any thread."""
        sitting = self._sitting
        return sitting is not None and sitting.comparison is not None

    @property
    def alone(self) -> Alone:
        """What an engine that is opened beside is to enter while no camera may use a GPU."""
        return self._present().alone

    def still(self) -> AbstractContextManager[None]:
        """As ``alone``, for what may also be opened while nobody sits."""
        return nullcontext() if self._sitting is None else self._sitting.alone()

    def take(self, sitting: Sitting) -> None:
        """Sit down for the first time."""
        self._sitting = sitting
        sitting.take_office()

    def change(self, make: Callable[[Sitting], Sitting], timeout_s: float) -> bool:
        """Have ``make`` say who sits from the next batch on, and wait until it has. It is called on the judging thread,
        and closes what it no longer needs. False where that thread did not come to it: then it is not called."""
        change = _Change(make)
        self._changes.put(change)
        change.ended.wait(timeout_s)
        with change.lock:
            change.withdrawn = not change.made
            return change.made

    def judge(self, samples: Sequence[Sample]) -> list[Judgement]:
        """As ``Judge.judge``, by whoever sits now."""
        while not self._changes.empty():
            self._make(self._changes.get())
        return self._present().judge.judge(samples)

    def reflect(self) -> None:
        """Compare what was judged last with what the bundle of before says, where that is asked for."""
        sitting = self._present()
        if sitting.comparison is not None and sitting.judge.last is not None:
            sitting.comparison.add(sitting.judge.last)

    def forget(self) -> None:
        """As ``Judge.forget``."""
        self._present().judge.forget()

    def close(self) -> None:
        """Close all engines, once nobody judges any more."""
        if self._sitting is not None:
            self._sitting.close()

    def _make(self, change: _Change) -> None:
        with change.lock:
            if change.withdrawn:
                return
            before = self._present()
            try:
                after = change.make(before)
            except Exception:  # the judging thread must not end of it
                log.exception("the judge was not exchanged")
                change.ended.set()
                return
            self._sitting = after
            if after.judge is not before.judge:
                before.leave_office()
                after.take_office()
            change.made = True
            change.ended.set()

    def _present(self) -> Sitting:
        if self._sitting is None:
            raise RuntimeError("nobody sits yet")
        return self._sitting

"""Who may compute now, where many threads want to and there are few cores."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

_LONGEST_S = 1.0
# Who waits no longer than two pictures take is late for reasons of its own.
_CROWDED_S = 0.02


class Turns:
    """A context that at most ``most`` threads are in at a time; others wait, first come first served.

    Left to themselves, dozens of threads that decode take turns of milliseconds on the cores, and whoever wants the
    interpreter's lock waits for one of them to be given a core: the thread that judges gets a few hundredths of one. Of
    threads that wait here none wants a core. A thread that is in for longer than ``longest_s`` counts no more: it hangs
    in native code, and nobody waits for it for ever. ``clock`` is monotonic seconds.
    """

    def __init__(self, most: int, clock: Callable[[], float], longest_s: float = _LONGEST_S) -> None:
        self._most = most
        self._clock = clock
        self._longest_s = longest_s
        self._lock = threading.Lock()
        self._left = threading.Condition(self._lock)
        self._alone_since_s: float | None = None
        self._since: dict[int, float] = {}
        # What is of a thread goes with it.
        self._own = threading.local()
        self._missed = 0
        self._waiting: deque[tuple[int, threading.Lock]] = deque()

    def __enter__(self) -> None:
        me = threading.get_ident()
        with self._lock:
            came_s = self._clock()
            if not self._waiting and self._is_free():
                self._since[me] = came_s
                self._own.waited_s = 0.0
                return
            # Held until whoever leaves lets it go: a turn is handed over, and nobody can step in between.
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append((me, turn))
        while not turn.acquire(timeout=self._longest_s):
            with self._lock:
                self._hand_over()
        self._own.waited_s = self._clock() - came_s

    @property
    def missed(self) -> int:
        """Pictures so far that were left out because turns came too late."""
        return self._missed

    def miss(self) -> None:
        """Say that the calling thread leaves a picture out since it is behind; it counts if it had to wait for its last
        turn."""
        if getattr(self._own, "waited_s", 0.0) > _CROWDED_S:
            with self._lock:
                self._missed += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._lock:
            self._since.pop(threading.get_ident(), None)
            self._left.notify_all()
            self._hand_over()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """A context in which nobody is in, entered once all have left. It too counts no more after ``longest_s``, and
        does not wait for longer. One thread at a time."""
        with self._left:
            self._alone_since_s = self._clock()
            self._left.wait_for(lambda: self._count() == 0, self._longest_s)
            self._alone_since_s = self._clock()
        try:
            yield
        finally:
            with self._lock:
                self._alone_since_s = None
                self._hand_over()

    def _is_free(self) -> bool:
        alone_s = self._alone_since_s
        if alone_s is not None and self._clock() - alone_s < self._longest_s:
            return False
        return self._count() < self._most

    def _count(self) -> int:
        earliest_s = self._clock() - self._longest_s
        return sum(since_s > earliest_s for since_s in self._since.values())

    def _hand_over(self) -> None:
        while self._waiting and self._is_free():
            thread, turn = self._waiting.popleft()
            self._since[thread] = self._clock()
            turn.release()

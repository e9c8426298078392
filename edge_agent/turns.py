"""Who may compute now, where many threads want to and there are few cores."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LONGEST_S = 1.0
# Who waits no longer than two pictures take is late for reasons of its own.
_CROWDED_S = 0.02
# Of so many turns in a row one goes to who can wait, so that an idle camera's glance is never put off for long.
_URGENT_IN_A_ROW = 3


class Turns:
    """At most ``most`` threads compute at a time; others wait, first come first served, but those in a hurry before the
    others: where dozens of idle cameras glance at once, one that shows a fight goes on.

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
        self._missed = 0
        self._urgent: deque[tuple[int, threading.Lock]] = deque()
        self._patient: deque[tuple[int, threading.Lock]] = deque()
        self._urgent_in_a_row = 0

    @property
    def missed(self) -> int:
        """Pictures so far that were left out because turns came too late."""
        return self._missed

    def miss(self, waited_s: float) -> None:
        """Say that a picture is left out since its thread is behind, which waited ``waited_s`` for its last turn; it
        counts where that was long."""
        if waited_s > _CROWDED_S:
            with self._lock:
                self._missed += 1

    def enter(self, *, hurries: bool) -> float:
        """Take a turn once there is one, and say how many seconds that took."""
        me = threading.get_ident()
        with self._lock:
            came_s = self._clock()
            if self._is_free() and not (self._urgent or self._patient):
                self._since[me] = came_s
                return 0.0
            # Held until whoever leaves lets it go: a turn is handed over, and nobody can step in between.
            turn = threading.Lock()
            turn.acquire()
            (self._urgent if hurries else self._patient).append((me, turn))
        while not turn.acquire(timeout=self._longest_s):
            with self._lock:
                self._hand_over()
        return self._clock() - came_s

    def leave(self) -> None:
        """Give the calling thread's turn to the next."""
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
        while (self._urgent or self._patient) and self._is_free():
            first = bool(self._urgent) and (self._urgent_in_a_row < _URGENT_IN_A_ROW or not self._patient)
            self._urgent_in_a_row = self._urgent_in_a_row + 1 if first else 0
            thread, turn = (self._urgent if first else self._patient).popleft()
            self._since[thread] = self._clock()
            turn.release()

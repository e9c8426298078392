"""Back to a better target: those lost while running, or still to be built, are tried off the thread that judges."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from models.errors import NexaraError
from runtimes.pair import Pair
from runtimes.selection import Candidate

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The wait before a try is ``first_s`` and doubles with every failure, of a try or of a target in use, up to
    ``most_s``. It begins anew once a target has worked for ``most_s``. Seconds."""

    first_s: float = 600.0
    most_s: float = 21_600.0

    def wait_s(self, failures: int) -> float:
        """Seconds to wait after ``failures``, at least 1."""
        # The exponent is bounded so that a device left alone for years does not overflow a float.
        return min(self.most_s, self.first_s * 2.0 ** min(failures - 1, 64))


class Recovery:
    """The targets that were given up while running, best first.

    Used by the thread that judges. A try, which opens a target and tests it on the golden inputs, has a thread of its
    own: a driver may take its time, and where it hangs only that thread does.
    """

    def __init__(
        self,
        open_one: Callable[[Candidate], Pair],
        policy: RetryPolicy,
        clock: Callable[[], float],
        unbuilt: Sequence[Candidate] = (),
    ) -> None:
        """``open_one`` opens a target and tests it, or raises ``NexaraError``; ``clock`` is monotonic seconds.

        The first ``poll`` begins to open the ``unbuilt``, best first: they were never lost, but must be built first.
        """
        self._open_one = open_one
        self._policy = policy
        self._clock = clock
        self._lost = tuple(unbuilt)
        self._failures = 0
        self._changed_s = clock()
        self._due_s = clock()
        self._attempt: Future[Pair | None] | None = None

    def lose(self, better: Sequence[Candidate]) -> None:
        """Take note that a target failed, and that ``better`` than the one now in use are these, best first."""
        now_s = self._clock()
        if now_s - self._changed_s >= self._policy.most_s:
            self._failures = 0
        self._changed_s = now_s
        self._lost = tuple(better)
        self._put_off(now_s)

    def poll(self) -> Pair | None:
        """A better target, open and tested, once a try has found one; begins a try when one is due. Never waits."""
        now_s = self._clock()
        if self._attempt is None:
            if self._lost and now_s >= self._due_s:
                # Should no thread be had for it, the next try must not follow at once.
                self._due_s = now_s + self._policy.wait_s(max(1, self._failures))
                self._attempt = self._begin()
            return None
        if not self._attempt.done():
            return None
        pair, self._attempt = self._attempt.result(), None
        if pair is not None:
            self._lost = self._lost[: self._lost.index(pair.candidate)]
            self._changed_s = now_s
        if self._lost:
            self._put_off(now_s)
        return pair

    def close(self) -> None:
        """Try no more; what a try still opens is closed."""
        self._lost = ()
        if self._attempt is not None:
            self._attempt.add_done_callback(_close_unused)
            self._attempt = None

    def _put_off(self, now_s: float) -> None:
        self._failures += 1
        self._due_s = now_s + self._policy.wait_s(self._failures)

    def _begin(self) -> Future[Pair | None]:
        attempt: Future[Pair | None] = Future()
        threading.Thread(target=self._try, args=(self._lost, attempt), name="recovery", daemon=True).start()
        return attempt

    def _try(self, lost: Sequence[Candidate], attempt: Future[Pair | None]) -> None:
        found = None
        try:
            found = self._open_first(lost)
        finally:
            # Whatever ends a try, the next one must not wait for it.
            attempt.set_result(found)

    def _open_first(self, lost: Sequence[Candidate]) -> Pair | None:
        for candidate in lost:
            try:
                return self._open_one(candidate)
            except NexaraError as error:  # noqa: PERF203 - a handful of candidates
                _log.info("%s does not work again yet: %s", candidate, error)
        return None


def _close_unused(attempt: Future[Pair | None]) -> None:
    pair = attempt.result()
    if pair is not None:
        pair.close()

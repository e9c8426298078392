"""Holds a recording back to the speed at which it was taken."""

from __future__ import annotations

import threading
from collections.abc import Callable

_LATE_S = 1.0
_LONGEST_S = 1.0


class Pacer:
    """Waits until the media's time has come; one that has fallen a second behind starts counting anew, since hurrying
    after it would only give frames in bursts, and a silence longer than a second is cut short."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._start_s: float | None = None

    def wait(self, media_s: float, stop: threading.Event) -> None:
        """Return when ``media_s`` is due, or soon after ``stop`` is set."""
        now = self._clock()
        if self._start_s is None or now - (self._start_s + media_s) > _LATE_S:
            self._start_s = now - media_s
        wait_s = self._start_s + media_s - now
        if wait_s > _LONGEST_S:
            self._start_s -= wait_s - _LONGEST_S
        stop.wait(min(max(0.0, wait_s), _LONGEST_S))

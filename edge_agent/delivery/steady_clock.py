"""The wall clock, without the jumps that somebody or NTP makes it take."""

from __future__ import annotations

import threading
from collections.abc import Callable

from edge_agent.delivery.spool import EARLIEST_PLAUSIBLE_CLOCK

_LARGEST_SLEW_S = 60.0
"""Between two looks: what is more was no drift."""


class SteadyClock:
    """Seconds since the epoch that pass as evenly as those of a monotonic clock, so that ages stay true when the wall
    clock is set: one that is set back and then right again makes nothing old.

    A jump from before 2025 is followed: that clock had not been set before. Safe to use from several threads.
    """

    def __init__(self, wall: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._apart = wall() - monotonic()
        self._shift = 0.0

    def __call__(self) -> float:
        with self._lock:
            now, steady = self._wall(), self._monotonic()
            jump = now - steady - self._apart
            before = now - jump - self._shift
            self._apart += jump
            if abs(jump) > _LARGEST_SLEW_S and before >= EARLIEST_PLAUSIBLE_CLOCK:
                self._shift += jump
            return now - self._shift

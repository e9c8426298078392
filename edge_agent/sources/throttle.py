"""Holds back a live stream that comes in bursts, so that it is watched at about the pace at which it was taken."""

from __future__ import annotations

from collections.abc import Callable

# A tenth faster than time: what a lost connection put between the stream and now wears off, 20 s of it in 200.
_SPEED = 1.1
# A longer step is a jump of the stream's clock, and nothing to wait for.
_LONGEST_S = 1.0


class Throttle:
    """Waits before each packet for the time since the one before it, or a little less; what comes late is let through
    at once, and nothing hurries after it. A burst is thereby spread, and a stream that comes evenly is never held."""

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], object]) -> None:
        """``sleep`` waits for so many seconds, which the clock counts too."""
        self._clock = clock
        self._sleep = sleep
        self._media_s: float | None = None
        self._due_s = 0.0

    def wait(self, media_s: float) -> None:
        """Return when ``media_s``, in seconds of the stream's clock, is due: within a second."""
        step_s = 0.0 if self._media_s is None else media_s - self._media_s
        self._media_s = media_s
        now_s = self._clock()
        self._due_s = max(now_s, self._due_s + min(max(step_s, 0.0), _LONGEST_S) / _SPEED)
        if self._due_s > now_s:
            self._sleep(self._due_s - now_s)

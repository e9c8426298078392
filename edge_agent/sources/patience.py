"""For how long a live stream may be left unread."""

from __future__ import annotations

import math

MOST_S = 0.5
# By default Linux takes 64 KiB of a TCP stream that nobody reads, or more; beyond that the camera has to wait.
_MOST_BYTES = 48 * 1024
# Of a stream's pace so far each second counts for a quarter: it may rise from one moment to the next.
_WEIGHT_S = 4.0
_LEAST_SEEN_S = 1.0


class Patience:
    """Follows how many bytes a second a stream sends, and says how long what it sends fits the system's buffers.

    Each picture that is read when it comes wakes a thread whose code and data have left the processor's caches
    meanwhile, which costs several times what reading it does: a few that wait are read for little more than one. Pure:
    times are the stream's own."""

    def __init__(self) -> None:
        self._bytes = 0.0
        self._seconds = 0.0
        self._newest_s = -math.inf
        self._caught_up_s = -math.inf

    def follow(self, time_s: float, size: int) -> float:
        """Take the packet of ``size`` bytes shown at ``time_s``, which was read just now; how many seconds from now on
        nothing need be read: none while what came during the last rest is not read, nor before a second was seen."""
        passed_s = time_s - self._newest_s
        if abs(passed_s) > MOST_S:
            # It begins, its clock was set, or packets are missing: what it sends is not known.
            self._bytes = self._seconds = 0.0
            self._newest_s, self._caught_up_s = time_s, -math.inf
            return 0.0
        # Pictures that are built on later ones come after these, and are shown before them.
        passed_s = max(0.0, passed_s)
        self._newest_s = max(self._newest_s, time_s)
        kept = 1.0 - passed_s / _WEIGHT_S
        self._bytes = self._bytes * kept + size
        self._seconds = self._seconds * kept + passed_s
        if self._seconds < _LEAST_SEEN_S or self._newest_s < self._caught_up_s:
            return 0.0
        return min(MOST_S, _MOST_BYTES * self._seconds / self._bytes)

    def rested(self, seconds: float) -> None:
        """Say that the stream was not read for so long after the last packet."""
        self._caught_up_s = self._newest_s + seconds

"""What the log is told of refused requests: once for each kind in a while, whoever sends how many."""

from __future__ import annotations

import logging
from collections.abc import Callable

log = logging.getLogger(__name__)

INTERVAL_S = 60.0


class Complaints:
    """Logs refusals at a bounded rate; on one thread. ``clock`` is monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told_s: dict[str, float] = {}
        self._untold: dict[str, int] = {}

    def tell(self, kind: str, command: str, text: str) -> None:
        """Log that a request was refused, unless one of this kind was told within the last minute."""
        now_s = self._clock()
        if now_s - self._told_s.get(kind, now_s - INTERVAL_S) < INTERVAL_S:
            self._untold[kind] = self._untold.get(kind, 0) + 1
            return
        self._told_s[kind] = now_s
        untold = self._untold.pop(kind, 0)
        more = f" ({untold} more of this kind before)" if untold else ""
        # What stands in a request is not ours: nothing of it may begin a line of its own.
        log.warning("command %s refused, %s: %s%s", command, kind, " ".join(text.split())[:500], more)

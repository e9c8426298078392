"""Whether a live stream is read more slowly than it comes; pure, time passed in."""

from __future__ import annotations

import math

_MOST_S = 1.0
_CAUGHT_UP_S = 0.3
# A packet that had to be waited for shows that nothing was queued before it; a busy machine's hiccups are shorter.
_WAITED_S = 0.01
_WAITED_PACKETS = 3
_SPAN_S = 30.0


class Lag:
    """Finds a backlog that nobody shows: a stream that is decoded too slowly queues up in the system's buffers, many
    seconds of it, and everything judged is old.

    How late packets come is measured against the soonest of the last half minute to a minute. Beyond a second the
    stream is behind, until it has caught up. It is not while packets have to be waited for: then its own clock is slow,
    or was set, or the way it takes has changed.
    """

    def __init__(self) -> None:
        self._soonest_s = self._soonest_before_s = math.inf
        self._span_since_s = -math.inf
        self._waited = 0
        self._behind = False

    def follow(self, media_s: float, now_s: float, waited_s: float) -> bool:
        """Whether the stream is behind with the packet of the time ``media_s``, read at ``now_s`` after a wait of
        ``waited_s``."""
        late_s = now_s - media_s
        if now_s - self._span_since_s > _SPAN_S:
            self._soonest_before_s, self._soonest_s, self._span_since_s = self._soonest_s, late_s, now_s
        self._soonest_s = min(self._soonest_s, late_s)
        lag_s = self.late_s(media_s, now_s)
        self._waited = self._waited + 1 if waited_s >= _WAITED_S else 0
        if self._waited >= _WAITED_PACKETS and (self._behind or lag_s > _MOST_S):
            self._soonest_s, self._soonest_before_s, lag_s = late_s, math.inf, 0.0
        self._behind = lag_s > (_CAUGHT_UP_S if self._behind else _MOST_S)
        return self._behind

    def late_s(self, media_s: float, now_s: float) -> float:
        """How old, by what is known, the picture of the time ``media_s`` is at ``now_s``: 0 for the soonest."""
        soonest_s = min(self._soonest_s, self._soonest_before_s)
        return max(0.0, now_s - media_s - soonest_s) if math.isfinite(soonest_s) else 0.0

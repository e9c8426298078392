"""Where heads were found in a film, and when: what one look misses the next ones find."""

from __future__ import annotations

from collections import deque

import numpy as np

from edge_agent.privacy.head_finder import NOTHING, Zones

LOOK_EVERY_S = 0.15
HOLD_S = 0.5
# Times are sums of floats.
_TOLERANCE_S = 1e-6


class HeadTrail:
    """The looks of the last seconds. A picture hides what was found in any look from ``HOLD_S`` before it to ``HOLD_S``
    after it. Times are seconds and rise."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, Zones]] = deque()

    def due(self, time_s: float) -> bool:
        """Whether the picture at ``time_s`` is to be looked at."""
        return not self._looks or time_s - self._looks[-1][0] >= LOOK_EVERY_S - _TOLERANCE_S

    def add(self, time_s: float, zones: Zones) -> None:
        self._looks.append((time_s, zones))

    def around(self, time_s: float) -> Zones:
        """What the picture at ``time_s`` hides; no picture before it is asked for again."""
        # The newest look stays however old it is: it says when the next is due.
        while len(self._looks) > 1 and self._looks[0][0] < time_s - HOLD_S - _TOLERANCE_S:
            self._looks.popleft()
        return np.concatenate(
            [NOTHING, *(zones for at, zones in self._looks if abs(at - time_s) <= HOLD_S + _TOLERANCE_S)]
        )

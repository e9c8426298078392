"""One rising clock for a camera out of its source's own, which may start over, jump or stand still; pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median

# Half a second: cameras whose clock is being set re-order a few frames; a stream that started over goes back further.
REORDERED_S = 0.5
_SLOWEST_PACE_S = 5.0
_PACE_FRAMES = 5
LEAST_STEP_S = 1e-4
LARGEST_GAP_S = 1.0


@dataclass(frozen=True, slots=True)
class Tick:
    """One frame's place: ``time_s`` never falls, ``run`` rises with every break, and ``pace_s`` is the usual time
    between frames (0 until known)."""

    time_s: float
    run: int
    pace_s: float


class Timeline:
    """Tells a break in a source's time from its ordinary unevenness.

    A break is a new segment, a step back, or a step forward above ``largest_gap_s`` and above three times the usual
    pace (a camera may well give a frame every two seconds). Pictures that nobody decoded, as between two glances, leave
    a pause, which is no pace, and no break unless the source's clock went further than time did. Across a break the
    camera's clock goes on by the time that really passed, so that what is measured in it (holds, intervals) stays true.
    It begins with the arrival's clock, so that one which takes over from another goes on where that one was.
    """

    def __init__(self, largest_gap_s: float) -> None:
        self._largest_gap_s = largest_gap_s
        self._steps: deque[float] = deque(maxlen=_PACE_FRAMES)
        self._segment: int | None = None
        self._source_s = 0.0
        self._arrived_s = 0.0
        self._tick = Tick(0.0, 0, 0.0)

    def follow(self, source_s: float, segment: int, arrived_s: float, *, paused: bool = False) -> Tick | None:
        """Place a frame of the source's time ``source_s`` that arrived at ``arrived_s``, ``paused`` if those before it
        were not decoded; ``None``: it came out of order or shows the same instant again, and is of no use."""
        step = source_s - self._source_s
        same = segment == self._segment
        if same and -REORDERED_S <= step < LEAST_STEP_S:
            return None
        pace = median(self._steps) if self._steps else 0.0
        known = self._segment is not None
        usual_s = max(self._largest_gap_s, 3 * pace)
        broken = not same or step < 0 or step > usual_s + (arrived_s - self._arrived_s if paused else 0.0)
        if same and step > 0 and not paused:
            self._steps.append(min(step, _SLOWEST_PACE_S))
            pace = pace or self._steps[-1]
        if broken and known:
            step = max(arrived_s - self._arrived_s, pace, 1e-3)
        time_s = self._tick.time_s + step if known else arrived_s
        self._tick = Tick(time_s, self._tick.run + broken, pace)
        self._segment, self._source_s, self._arrived_s = segment, source_s, arrived_s
        return self._tick

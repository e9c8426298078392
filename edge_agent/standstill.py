"""Whether a source's clock moves: frames that all show the same instant can never be judged; pure."""

from __future__ import annotations

from edge_agent.sources.source import SourceReadError
from edge_agent.timeline import LEAST_STEP_S, REORDERED_S

# Less than the time after which a connection counts as a good one, so that attempts grow rarer while this goes on.
_LONGEST_S = 5.0
_LEAST_FRAMES = 5


class SourceClockError(SourceReadError):
    """Frames arrive, but the source's clock stands still."""


class Standstill:
    """Follows one connection's frames. A frame moves the clock when ``Timeline`` would place it: it rises, starts over
    or begins a new segment."""

    def __init__(self) -> None:
        self._segment: int | None = None
        self._source_s = 0.0
        self._moved_s = 0.0
        self._frames = 0

    def follow(self, source_s: float, segment: int, arrived_s: float) -> None:
        """Take note of a frame; raises ``SourceClockError`` once frames have come for 5 s and none moved the clock."""
        step_s = source_s - self._source_s
        if segment != self._segment or not -REORDERED_S <= step_s < LEAST_STEP_S:
            self._segment, self._source_s, self._moved_s, self._frames = segment, source_s, arrived_s, 0
            return
        self._frames += 1
        stood_s = arrived_s - self._moved_s
        if stood_s > _LONGEST_S and self._frames >= _LEAST_FRAMES:
            raise SourceClockError(
                f"its clock stands still: {self._frames} frames in {stood_s:.0f} s, all of the instant"
                f" {self._source_s:.3f} s; it is opened anew; if that does not help, restart the camera"
            )

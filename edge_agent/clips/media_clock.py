"""One rising clock for a camera's packets, across streams that begin anew and clocks that jump; pure, time passed
in."""

from __future__ import annotations

from fractions import Fraction

from edge_agent.ticks import seconds_of

# A stream's clock that goes further than time did, by more than this, has been set.
_JUMP_S = 10.0
# Until two packets have shown the pace: that of 25 pictures a second.
_STEP_S = Fraction(1, 25)
# No picture is shown earlier than one that was sent this long before it.
_REORDERED_S = Fraction(1)


class MediaClock:
    """Moves the timestamps of one stream after another onto one time, in ticks of ``time_base``. Where a stream begins
    or its clock jumps, time goes on by what really passed."""

    def __init__(self, time_base: Fraction) -> None:
        self._time_base = time_base
        self._step = max(1, round(_STEP_S / time_base))
        self._reordered = max(1, round(_REORDERED_S / time_base))
        self._offset = 0
        self._raw: int | None = None
        self._shown = 0
        self._told: int | None = None
        self._arrived_s = 0.0
        self._shift_s = 0.0
        self._placed = False

    def begin(self) -> None:
        """Take that what follows is of another stream."""
        self._raw = None
        self._placed = False

    def follow(self, pts: int | None, dts: int | None, arrived_s: float) -> tuple[int, int]:
        """``(pts, dts)`` on the one time of the packet that arrived at ``arrived_s``."""
        raw = self._guess(pts) if dts is None else dts
        if self._broken(raw, arrived_s):
            self._join(raw, arrived_s)
        elif self._raw is not None and raw > self._raw:
            self._step = raw - self._raw
        self._raw, self._shown = raw, raw if pts is None else pts
        self._told, self._arrived_s = raw + self._offset, arrived_s
        return self._shown + self._offset, self._told

    def place(self, origin_s: float) -> None:
        """Take that this stream's own time ``origin_s`` is 0 on its source's clock."""
        self._shift_s = origin_s + self.seconds(self._offset)
        self._placed = True

    def seconds(self, ticks: int) -> float:
        return seconds_of(ticks, self._time_base)

    def of_source(self, source_s: float) -> float:
        """The one time, in seconds, of an instant of the source's clock as it goes now."""
        return source_s + self._shift_s

    def _guess(self, pts: int | None) -> int:
        """A decoding time that was not sent, as those of a stream's first packets often are not: a pace after the one
        before, and no later than the picture is shown, which may be before others that were sent earlier."""
        if self._raw is None:
            return pts or 0
        if pts is None:
            return self._raw + self._step
        if pts < self._raw - self._reordered:
            return pts
        return max(self._raw + 1, min(pts, max(self._raw + self._step, self._shown)))

    def _broken(self, raw: int, arrived_s: float) -> bool:
        if self._told is None:
            return False
        if self._raw is None:
            return True
        step_s = self.seconds(raw - self._raw)
        return step_s < 0 or step_s > _JUMP_S + arrived_s - self._arrived_s

    def _join(self, raw: int, arrived_s: float) -> None:
        passed = round(Fraction(max(0.0, arrived_s - self._arrived_s)) / self._time_base)
        offset = (self._told or 0) + max(self._step, passed) - raw
        if self._placed:
            self._shift_s += self.seconds(offset - self._offset)
        self._offset = offset

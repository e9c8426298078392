"""How the agent watches a camera when nothing is configured: when it looks, and when what it sees is an alarm.

The rooms forbid the builder to import the agent; tests hold these figures, and what is made of them, against the
agent's own parts.
"""

from __future__ import annotations

from dataclasses import dataclass

ROUNDING_S = 1e-6
"""Times are sums of tenths: three of them count as 0.3 s."""


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """A camera that is awake is judged ``rate_hz`` times a second while no alarm was raised and the last probability
    reached the clear threshold, else ``steady_rate_hz`` times, without one as often as windows have samples; an idle
    one every ``idle_interval_s``. It falls idle after ``calm_hold_s`` below the wake threshold, or ``doubt_hold_s``
    where nothing since it woke came to the alert threshold, and what was judged more than ``largest_gap_s`` ago is no
    part of a window.

    The level, a median of the last ``smoothing`` probabilities, none older than ``smoothing_span_s``, has to be at or
    above the alert threshold for ``start_hold_s``; the alarm is over when it was below the clear threshold for
    ``end_hold_s``.
    """

    rate_hz: float = 10.0
    steady_rate_hz: float | None = None
    idle_interval_s: float = 2.0
    calm_hold_s: float = 2.0
    doubt_hold_s: float = 0.2
    largest_gap_s: float = 1.0
    smoothing: int = 5
    smoothing_span_s: float = 1.5
    start_hold_s: float = 0.3
    end_hold_s: float = 5.0

    @property
    def least_hz(self) -> float:
        """Samples a second below which smoothing could not fill, with some to spare: cameras never have fewer."""
        return min(1.25 * (self.smoothing - 1) / self.smoothing_span_s, self.rate_hz)

"""How long to wait before the next attempt to connect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """Exponential, with jitter so that a fleet does not return to a restarted broker in one instant.

    ``random`` yields numbers in [0, 1). Each delay lies between half the current step and the whole of it; steps double
    from ``first_s`` up to ``ceiling_s``. Only a session that lasted ``stable_s`` resets the steps: a broker that
    accepts and drops at once (two devices with one client id, say) must not be hammered.
    """

    random: Callable[[], float]
    first_s: float = 0.5
    ceiling_s: float = 60.0
    stable_s: float = 30.0
    _failures: int = field(default=0, init=False)

    def next_delay(self) -> float:
        """Seconds to wait now; each call counts as one more failure."""
        doublings = min(self._failures, 30)
        self._failures += 1
        step = min(self.ceiling_s, self.first_s * 2.0**doublings)
        return step * (0.5 + 0.5 * self.random())

    def session_lasted(self, seconds: float) -> None:
        """Note that a session was up for so long before it ended."""
        if seconds >= self.stable_s:
            self._failures = 0

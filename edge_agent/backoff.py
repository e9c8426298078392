"""How long to wait before something is tried again: exponential, with jitter, bounded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from edge_agent.policy import require_positive


@dataclass(frozen=True, slots=True)
class BackoffPolicy:
    """The wait grows by ``factor`` with each failure in a row, from ``first_s`` up to ``most_s``; it is drawn between
    half of that and all of it, so that cameras lost together do not come back together, nor a fleet to its broker."""

    first_s: float = 0.5
    factor: float = 2.0
    most_s: float = 30.0

    def __post_init__(self) -> None:
        require_positive(first_s=self.first_s, factor=self.factor, most_s=self.most_s)


_TO_A_BROKER = BackoffPolicy(most_s=60.0)


def wait_s(policy: BackoffPolicy, failures: int, random: Callable[[], float]) -> float:
    """Seconds to wait after ``failures`` failures in a row, at least 1; ``random`` yields numbers in [0, 1)."""
    # The exponent is bounded so that a camera gone for months does not overflow a float.
    full = min(policy.most_s, policy.first_s * policy.factor ** min(failures - 1, 64))
    return full * (0.5 + 0.5 * random())


@dataclass(slots=True)
class Backoff:
    """The waits of one who tries to keep a session with a broker; ``random`` yields numbers in [0, 1).

    Only a session that lasted ``stable_s`` has the waits start over: a broker that accepts and drops at once (two
    devices with one client id, say) must not be hammered.
    """

    random: Callable[[], float]
    policy: BackoffPolicy = _TO_A_BROKER
    stable_s: float = 30.0
    _failures: int = field(default=0, init=False)

    def next_delay(self) -> float:
        """Seconds to wait now; each call counts as one more failure."""
        self._failures += 1
        return wait_s(self.policy, self._failures, self.random)

    def session_lasted(self, seconds: float) -> None:
        """Note that a session was up for so long before it ended."""
        if seconds >= self.stable_s:
            self._failures = 0

"""How long to wait before a camera is tried again: exponential, with jitter, bounded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_agent.policy import require_positive


@dataclass(frozen=True, slots=True)
class BackoffPolicy:
    """The wait grows by ``factor`` with each failure in a row, from ``first_s`` up to ``most_s``; it is drawn between
    half of that and all of it, so that cameras lost together do not come back together."""

    first_s: float = 0.5
    factor: float = 2.0
    most_s: float = 30.0

    def __post_init__(self) -> None:
        require_positive(first_s=self.first_s, factor=self.factor, most_s=self.most_s)


def wait_s(policy: BackoffPolicy, failures: int, random: np.random.Generator) -> float:
    """Seconds to wait after ``failures`` failures in a row, at least 1."""
    # The exponent is bounded so that a camera gone for months does not overflow a float.
    full = min(policy.most_s, policy.first_s * policy.factor ** min(failures - 1, 64))
    return float(full * random.uniform(0.5, 1.0))

"""How far a bundle on trial is from the one before, and what is too far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.delivery.payloads import Drift
from edge_agent.policy import require_positive


@dataclass(frozen=True, slots=True)
class DriftPolicy:
    """A bundle on trial is left once ``least_windows`` were compared and its probabilities are in the mean further than
    ``max_mean`` from those of before, or more than a share ``max_differing`` of windows is a fight to one and not to
    the other, or it takes more than ``max_slowdown`` times as long for a sample.

    On what cameras mostly show two bundles that work are close to nought both; one that says the same of everything, or
    the contrary, is half of the scale away or more. Single windows may differ by all of it: nothing follows from these.
    """

    least_windows: int = 100
    max_mean: float = 0.25
    max_differing: float = 0.2
    max_slowdown: float = 8.0

    def __post_init__(self) -> None:
        require_positive(least_windows=self.least_windows, max_mean=self.max_mean, max_slowdown=self.max_slowdown)

    def find_fault(self, drift: Drift | None) -> str | None:
        """Why a bundle is to be left, or ``None``."""
        if drift is None or drift.windows < self.least_windows:
            return None
        told = f"in {drift.windows} windows, compared with the bundle before"
        if drift.mean > self.max_mean:
            return f"its probabilities differ by {drift.mean:.2f} {told}; allowed is {self.max_mean:g} (max_drift)"
        if drift.differing > self.max_differing:
            share = f"{drift.differing:.0%} of its decisions differ {told}"
            return f"{share}; allowed are {self.max_differing:.0%} (max_differing)"
        if drift.slowdown > self.max_slowdown:
            text = f"a sample takes {drift.slowdown:.1f} times as long {told}"
            return f"{text}; allowed is {self.max_slowdown:g} times (max_slowdown)"
        return None


class DriftMeter:
    """Adds up on one thread; ``drift`` may be read by others."""

    def __init__(self, alert_before: float, alert_after: float) -> None:
        """The probabilities from which on each of the two bundles finds a fight."""
        self._alerts = (alert_before, alert_after)
        self._windows = self._differing = 0
        self._sum = self._largest = 0.0
        self._before_s = self._after_s = 0.0
        self._drift: Drift | None = None

    @property
    def drift(self) -> Drift | None:
        """What was found so far; ``None`` before there is anything."""
        return self._drift

    def add(self, before: NDArray[np.float32], after: NDArray[np.float32], before_s: float, after_s: float) -> None:
        """The probabilities ``(N,)`` of both for the same windows, and the seconds that a sample took each."""
        apart = np.abs(before - after)
        self._windows += len(apart)
        self._sum += float(apart.sum())
        self._largest = max(self._largest, float(apart.max(initial=0.0)))
        self._differing += int(((before >= self._alerts[0]) != (after >= self._alerts[1])).sum())
        self._before_s += before_s
        self._after_s += after_s
        if self._windows:
            self._drift = Drift(
                windows=self._windows,
                mean=round(self._sum / self._windows, 4),
                largest=round(self._largest, 4),
                differing=round(self._differing / self._windows, 4),
                slowdown=round(self._after_s / max(self._before_s, 1e-9), 2),
            )

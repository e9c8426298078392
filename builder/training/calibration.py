"""From margins to calibrated probabilities, and from those to thresholds.

Source: Platt, "Probabilistic outputs for support vector machines" (1999); a temperature and a shift, fitted by Newton's
method with Platt's own softened targets.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.manifest import Thresholds

STEPS = 50
MIN_SLOPE, MAX_SLOPE = 0.05, 20.0
WAKE_RECALL = 0.95
ALERT_FALSE_POSITIVES = 0.10
LOWEST_WAKE = 0.05
HIGHEST_ALERT = 0.95


class Platt(NamedTuple):
    """``probability = sigmoid((margin + shift) / temperature)``; ``margin`` is the fight logit less the calm one."""

    temperature: float
    shift: float

    def probabilities(self, margins: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated probabilities of margins ``(N,)``."""
        return np.asarray(1 / (1 + np.exp(-(margins + self.shift) / self.temperature)))


def fit_platt(margins: NDArray[np.float64], labels: NDArray[np.int64]) -> Platt:
    """Fit to held-out margins ``(N,)`` and labels ``(N,)`` in {0, 1}, of clips that the network never learnt from."""
    fights = int(labels.sum())
    calm = len(labels) - fights
    targets = np.where(labels == 1, (fights + 1) / (fights + 2), 1 / (calm + 2))
    design = np.stack([margins, np.ones_like(margins)], axis=1)
    weights = np.array([1.0, 0.0])
    for _ in range(STEPS):
        found = 1 / (1 + np.exp(-design @ weights))
        curvature = design.T @ (design * (found * (1 - found))[:, None]) + 1e-6 * np.eye(2)
        weights = weights - np.linalg.solve(curvature, design.T @ (found - targets))
        weights[0] = np.clip(weights[0], MIN_SLOPE, MAX_SLOPE)
    return Platt(temperature=float(1 / weights[0]), shift=float(weights[1] / weights[0]))


def choose_thresholds(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> Thresholds:
    """Thresholds from held-out calibrated probabilities.

    ``wake`` lets 95 % of fights through, ``alert`` at most 10 % of calm clips and never less than an even chance, and
    ``clear`` lies half-way from ``wake`` to ``alert``.
    """
    alert = max(0.5, float(np.quantile(probabilities[labels == 0], 1 - ALERT_FALSE_POSITIVES)))
    alert = min(alert, HIGHEST_ALERT)
    wake = float(np.quantile(probabilities[labels == 1], 1 - WAKE_RECALL))
    wake = min(max(wake, LOWEST_WAKE), alert)
    return Thresholds(wake=round(wake, 3), alert=round(alert, 3), clear=round((wake + alert) / 2, 3))

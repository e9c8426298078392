"""From margins to calibrated probabilities, and from those to thresholds.

Sources: Platt, "Probabilistic outputs for support vector machines" (1999): a temperature and a shift, fitted by
Newton's method with Platt's own softened targets; Guo et al., "On calibration of modern neural networks" (2017): a
temperature alone, fitted in the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.manifest import Thresholds

STEPS = 50
SMALLEST_STEP = 1e-12
MIN_SLOPE, MAX_SLOPE = 0.05, 4.0
"""A few held-out clips that happen to be separable would ask for any slope, and turn int8 rounding into certainty."""
WAKE_RECALL = 0.95
ALERT_FALSE_POSITIVES = 0.10
LOWEST_WAKE = 0.05
HIGHEST_ALERT = 0.95


Method = Literal["platt", "temperature"]


class Platt(NamedTuple):
    """``probability = sigmoid((margin + shift) / temperature)``; ``margin`` is the fight logit less the calm one."""

    temperature: float
    shift: float

    def probabilities(self, margins: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated probabilities of margins ``(N,)``."""
        return sigmoid((margins + self.shift) / self.temperature)


def sigmoid(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities of log-odds ``(N,)``."""
    return np.asarray(1 / (1 + np.exp(-log_odds)))


def fit_platt(margins: NDArray[np.float64], labels: NDArray[np.int64]) -> Platt:
    """Fit to held-out margins ``(N,)`` and labels ``(N,)`` in {0, 1}, of clips that the network never learnt from."""
    targets = _soften(labels)
    slope, offset = _descend(np.stack([margins, np.ones_like(margins)], axis=1), targets, np.array([1.0, 0.0]))
    if not MIN_SLOPE <= slope <= MAX_SLOPE:
        slope = np.clip(slope, MIN_SLOPE, MAX_SLOPE)
        (offset,) = _descend(np.ones((len(margins), 1)), targets, np.array([0.0]), base=slope * margins)
    return Platt(temperature=float(1 / slope), shift=float(offset / slope))


def fit_temperature(margins: NDArray[np.float64], labels: NDArray[np.int64]) -> Platt:
    """The same without a shift: an even chance stays where the network put it."""
    (slope,) = _descend(margins[:, None], _soften(labels), np.array([1.0]))
    return Platt(temperature=float(1 / np.clip(slope, MIN_SLOPE, MAX_SLOPE)), shift=0.0)


FITS: dict[Method, Callable[[NDArray[np.float64], NDArray[np.int64]], Platt]] = {
    "platt": fit_platt,
    "temperature": fit_temperature,
}


def _soften(labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Platt's targets ``(N,)``: certain of neither class, the less so the fewer there are of it."""
    fights = int(labels.sum())
    return np.where(labels == 1, (fights + 1) / (fights + 2), 1 / (len(labels) - fights + 2))


def _descend(
    design: NDArray[np.float64],
    targets: NDArray[np.float64],
    weights: NDArray[np.float64],
    base: NDArray[np.float64] | float = 0.0,
) -> NDArray[np.float64]:
    """Weights ``(P,)`` of least cross-entropy between ``targets (N,)`` and ``sigmoid(base + design (N, P) @ weights)``.

    Newton's steps are halved until they lead down: a whole one overshoots without end where the first guess is sure.
    """

    def loss(weights: NDArray[np.float64]) -> float:
        scores = base + design @ weights
        return float(np.sum(np.logaddexp(0, scores) - targets * scores))

    for _ in range(STEPS):
        found = np.exp(-np.logaddexp(0, -(base + design @ weights)))
        curvature = design.T @ (design * (found * (1 - found))[:, None]) + 1e-6 * np.eye(len(weights))
        step = np.linalg.solve(curvature, design.T @ (found - targets))
        while loss(weights - step) > loss(weights) and np.abs(step).max() > SMALLEST_STEP:
            step = step / 2
        weights = weights - step
    return weights


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

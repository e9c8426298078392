"""How grave an incident is said to be."""

from __future__ import annotations

from typing import Literal

ThreatLevel = Literal["low", "medium", "high"]


def threat_level(peak: float, alert: float) -> ThreatLevel:
    """Level by where the peak probability lies between the alert threshold and certainty, in thirds.

    ``peak`` and ``alert`` are calibrated probabilities, 0 to 1. Measuring from the threshold keeps the three levels
    in use whatever the calibration; an incident whose peak does not reach the threshold is low.
    """
    room = 1.0 - alert
    if room <= 0:
        return "high" if peak >= 1 else "low"
    position = (peak - alert) / room
    if position < 1 / 3:
        return "low"
    return "medium" if position < 2 / 3 else "high"

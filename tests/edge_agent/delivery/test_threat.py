"""Threat levels."""

from __future__ import annotations

import pytest

from edge_agent.delivery.threat import threat_level


@pytest.mark.parametrize(
    ("peak", "alert", "level"),
    [
        (0.70, 0.7, "low"),
        (0.79, 0.7, "low"),
        (0.81, 0.7, "medium"),
        (0.89, 0.7, "medium"),
        (0.91, 0.7, "high"),
        (1.00, 0.7, "high"),
        (0.60, 0.7, "low"),
        (0.50, 0.0, "medium"),
        (1.00, 1.0, "high"),
        (0.99, 1.0, "low"),
    ],
)
def test_level_follows_the_thirds_above_the_threshold(peak: float, alert: float, level: str) -> None:
    assert threat_level(peak, alert) == level

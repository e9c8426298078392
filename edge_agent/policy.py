"""What every policy checks of its own figures, so that a wrong one is refused before anything starts."""

from __future__ import annotations

import math

from models.errors import NexaraError


class PolicyError(NexaraError):
    """A policy's figure is outside of what is allowed."""


def require_not_negative(**figures: float) -> None:
    """Raise ``PolicyError`` naming the first figure that is not a finite number from 0 on."""
    for name, value in figures.items():
        if not (math.isfinite(value) and value >= 0):
            raise PolicyError(f"{name}: found {value}, a number from 0 on is allowed; correct the configuration")


def require_positive(**figures: float) -> None:
    """Raise ``PolicyError`` naming the first figure that is not a finite number above 0."""
    for name, value in figures.items():
        if not (math.isfinite(value) and value > 0):
            raise PolicyError(f"{name}: found {value}, a number above 0 is allowed; correct the configuration")

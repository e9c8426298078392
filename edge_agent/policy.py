"""What every policy checks of its own figures, so that a wrong one is refused before anything starts."""

from __future__ import annotations

import math

from models.errors import NexaraError


class PolicyError(NexaraError):
    """A policy's figure is outside of what is allowed."""


def require_positive(**figures: float) -> None:
    """Raise ``PolicyError`` naming the first figure that is not a finite number above 0."""
    for name, value in figures.items():
        if not (math.isfinite(value) and value > 0):
            raise PolicyError(f"{name}: found {value}, a number above 0 is allowed; correct the configuration")


def require_ascending(**figures: float) -> None:
    """Raise ``PolicyError`` unless the figures, in the order given, do not fall and lie in [0, 1]."""
    values = list(figures.values())
    if not all(0 <= value <= 1 for value in values) or values != sorted(values):
        found = ", ".join(f"{name} = {value}" for name, value in figures.items())
        order = " <= ".join(figures)
        raise PolicyError(f"found {found}; allowed are probabilities with {order}; correct the thresholds")

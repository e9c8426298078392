"""How often something happens, from how often it happened."""

from __future__ import annotations

import math
from collections.abc import Callable

from models.manifest import Interval

_TAIL = 0.025
_HALVINGS = 60


def rate_interval(count: int, exposure: float) -> Interval:
    """Events for each unit of ``exposure`` (hours, above 0) with the exact 95 % Poisson interval (Garwood 1936).

    After no event at all the lower end is 0 and the upper one 3.69 over the exposure: silence for an hour does not
    promise less than that.
    """
    low = _mean_where(lambda mean: 1 - _at_most(count - 1, mean), rising=True, count=count) if count else 0.0
    high = _mean_where(lambda mean: _at_most(count, mean), rising=False, count=count)
    return Interval(value=count / exposure, low=low / exposure, high=high / exposure)


def certainty(count: int, exposure: float, most: float) -> float:
    """How sure it is, 0 to 1, that no more than ``most`` events are to be expected for each unit of ``exposure``, where
    a threshold was set to let ``count`` through in all of it.

    Such a threshold lies just above another event, so that it is the time until ``count + 1`` events that tells of
    their rate: the confidence is that of the one-sided exact limit (Garwood 1936), the chance of more than ``count``
    where ``most`` are to be expected.
    """
    return max(0.0, 1 - _at_most(count, most * exposure))


def silence_needed(sure: float, most: float) -> float:
    """The exposure after which not one event makes it so ``sure`` (0 to 1) that no more than ``most`` are to be
    expected for each unit of it."""
    return -math.log(1 - sure) / most


def _mean_where(tail: Callable[[float], float], *, rising: bool, count: int) -> float:
    """The mean at which a tail's probability, monotone in the mean, is ``_TAIL``."""
    low, high = 0.0, 10.0 + 3.0 * count
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if (tail(middle) < _TAIL) == rising:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _at_most(count: int, mean: float) -> float:
    """The chance of at most ``count`` events where ``mean`` are expected."""
    if mean <= 0:
        return 1.0
    return math.fsum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count + 1))

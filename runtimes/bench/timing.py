"""Timing things side by side: what disturbs the machine for a while then disturbs all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
_WARM_UP = 3


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Percentiles of what one call took, in milliseconds."""

    p50_ms: float
    p95_ms: float
    p99_ms: float


def time_side_by_side(
    calls: Mapping[str, Callable[[], object]],
    rounds: int,
    clock: Callable[[], float],
    generator: np.random.Generator,
) -> dict[str, Reals]:
    """Milliseconds ``(rounds,)`` of each call, after a few to warm up; each round makes every call once, in an order
    drawn anew, so that none always profits from its neighbour. ``clock`` gives seconds."""
    for call in calls.values():
        for _ in range(_WARM_UP):
            call()
    names = list(calls)
    taken = {name: np.empty(rounds) for name in names}
    for number in range(rounds):
        for place in generator.permutation(len(names)):
            name = names[place]
            before = clock()
            calls[name]()
            taken[name][number] = (clock() - before) * 1000
    return taken


def spread(milliseconds: Reals) -> Spread:
    """The percentiles of times ``(N,)``."""
    middle, high, late = np.percentile(milliseconds, [50, 95, 99])
    return Spread(p50_ms=float(middle), p95_ms=float(high), p99_ms=float(late))


def paired_ratio(milliseconds: Reals, reference: Reals) -> float:
    """How long a call takes as a multiple of ``reference``: the median over rounds ``(N,)`` of the ratio within one."""
    return float(np.median(milliseconds / reference))

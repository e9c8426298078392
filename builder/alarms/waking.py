"""How high the wake threshold may be before an idle camera misses what one that is always awake tells of.

A camera wakes for no other end than to look for an alarm. Whatever wakes it and never becomes one is cost alone, and a
fight whose windows reach the alert threshold seldom has glances that are far below it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from builder.alarms.watching import Watched
from models.manifest import Thresholds
from scenes import Interval as Fight

ALWAYS_AWAKE = 1e-6
WAKES = tuple(round(step / 20, 2) for step in range(1, 20))
KEPT = 0.98
"""The share of an always awake camera's fights that an idle one has to tell of."""
LATER_S = 0.1
"""By how many seconds, on average, it may tell later of those."""
LATE_S = 1.0
"""A window looks back by more than a second: an alarm that comes so soon after a fight is the fight's."""


class WakePoint(msgspec.Struct, frozen=True, kw_only=True):
    """One wake threshold: how many of the fights that an always awake camera tells of an idle one tells of too, how
    much later, in seconds on average, and how many alarms calm streams raise, where that was asked."""

    wake: float
    told: int
    later_s: float
    alarms: int | None = None


class WakeChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The wake threshold chosen on ``fights`` drawn fights, of which a camera that is always awake tells of
    ``always``."""

    wake: float
    fights: int
    always: int
    points: tuple[WakePoint, ...]

    @property
    def allowed(self) -> tuple[float, ...]:
        """The wake thresholds, rising, that cost no more fights and time than ``KEPT`` and ``LATER_S`` let go. The one
        chosen before them is the first in any case."""
        first, *higher = self.points
        good = (one for one in higher if self.always and one.told >= KEPT * self.always and one.later_s <= LATER_S)
        return (first.wake, *(one.wake for one in good))

    @property
    def told(self) -> int:
        """Of how many of those an idle camera tells too."""
        return next(point.told for point in self.points if point.wake == self.wake)


def offer_wakes(chosen: Thresholds) -> tuple[Thresholds, ...]:
    """What fights are to be watched under: an always awake camera's thresholds first, the chosen ones, and then those
    with higher wake thresholds, up to the alert threshold. All else stays."""
    higher = [wake for wake in WAKES if chosen.wake < wake <= chosen.alert]
    return tuple(msgspec.structs.replace(chosen, wake=wake) for wake in (ALWAYS_AWAKE, chosen.wake, *higher))


def choose_waking(offered: Sequence[Thresholds], watched: Sequence[Watched], fights: Sequence[Fight]) -> WakeChoice:
    """The highest wake threshold of ``offered`` with which an idle camera tells of ``KEPT`` of the fights that an awake
    one tells of, at most ``LATER_S`` later on average; the second of them, the one chosen before, where no higher one
    does. ``watched`` are streams watched under each of ``offered``, with ``fights``, one in each."""
    delays = [_delays(one, fight) for one, fight in zip(watched, fights, strict=True)]
    always, *rest = np.array(delays, dtype=np.float64).reshape(len(delays), len(offered)).T
    points = []
    for thresholds, under in zip(offered[1:], rest, strict=True):
        later = (under - always)[np.isfinite(under) & np.isfinite(always)]
        points.append(
            WakePoint(wake=thresholds.wake, told=len(later), later_s=float(later.mean()) if len(later) else 0.0)
        )
    found = WakeChoice(
        wake=points[0].wake, fights=len(delays), always=int(np.isfinite(always).sum()), points=tuple(points)
    )
    return msgspec.structs.replace(found, wake=found.allowed[-1])


def _delays(watched: Watched, fight: Fight) -> list[float]:
    """Seconds from the fight's onset to its alarm under each of the thresholds; NaN for none."""
    return [
        next((time_s - fight.start_s for time_s in raised if fight.start_s <= time_s < fight.end_s + LATE_S), np.nan)
        for raised in watched.alarms_s
    ]

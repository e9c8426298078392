"""From films that were watched to figures: alarms an hour, recall and delay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from benchmarks.films import Film
from benchmarks.replay import Watched
from builder.alarms.waking import LATE_S
from builder.evaluation.intervals import wilson
from builder.evaluation.poisson import rate_interval
from edge_agent.camera_policies import CameraPolicies
from models.manifest import Interval, Thresholds


@dataclass(frozen=True, slots=True)
class Seen:
    """A film, and what became of it under each policy."""

    film: Film
    watched: tuple[Watched, ...]


class PlaceFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Alarms of films of one place without a fight; ``awake`` is the share of time at the alert rate."""

    place: str
    hours: float
    alarms: int
    per_hour: Interval
    awake: float


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """What thresholds and a hold would do: alarms of calm films, and the share of fights that were told of, with the
    median of seconds from a fight's start to that (0 where an incident was in progress)."""

    thresholds: Thresholds
    start_hold_s: float
    alarms: int
    per_hour: Interval
    footage_alarms: int
    found: int
    fights: int
    recall: Interval
    delay_s: float | None


def tally(place: str, seen: Sequence[Seen], policy: int = 0) -> PlaceFigures:
    """The figures of calm films together, under the policy of that number."""
    watched = [one.watched[policy] for one in seen]
    seconds = sum(one.seconds for one in watched)
    alarms = sum(len(one.incidents) for one in watched)
    return PlaceFigures(
        place=place,
        hours=seconds / 3600,
        alarms=alarms,
        per_hour=rate_interval(alarms, seconds / 3600),
        awake=sum(one.awake_s for one in watched) / seconds,
    )


def by_place(seen: Sequence[Seen]) -> tuple[PlaceFigures, ...]:
    """The same, place by place."""
    names = sorted({one.film.place for one in seen})
    return tuple(tally(name, [one for one in seen if one.film.place == name]) for name in names)


def operate(
    number: int, policies: CameraPolicies, calm: Sequence[Seen], footage: Sequence[Seen], fighting: Sequence[Seen]
) -> Operation:
    """What the policy of that number does on all films."""
    drawn = tally("", calm, number)
    delays = [delay for one in fighting for delay in _delays(one.film, one.watched[number])]
    found = [delay for delay in delays if delay is not None]
    return Operation(
        thresholds=policies.thresholds,
        start_hold_s=policies.incidents.start_hold_s,
        alarms=drawn.alarms,
        per_hour=drawn.per_hour,
        footage_alarms=sum(len(one.watched[number].incidents) for one in footage),
        found=len(found),
        fights=len(delays),
        recall=wilson(len(found), len(delays)),
        delay_s=float(np.median(found)) if found else None,
    )


def _delays(film: Film, watched: Watched) -> list[float | None]:
    """Of each fight, the seconds until it was told, ``None`` where it was not."""
    delays: list[float | None] = []
    for fight in film.fights:
        told = [
            one.told_s for one in watched.incidents if one.told_s < fight.end_s + LATE_S and one.ended_s > fight.start_s
        ]
        delays.append(max(0.0, told[0] - fight.start_s) if told else None)
    return delays

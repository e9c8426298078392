"""At which lines a stretch is divided into cells: evenly where lines stand for that, and where else one stands out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_agent.grid_finding.seams import Profile

MOST = 8
"""More cells than this side by side are not looked for: each would be too small to tell a fight in."""
_SMALLEST = 1 / (MOST + 1)
_OFF = 0.012
# Of an even division: the least score of a line, alone and as a share of the best, and of all on average.
_LEAST, _LEAST_SHARE, _LEAST_MEAN = 0.35, 0.5, 0.45
# A line elsewhere has to reach from end to end, and to stand out the more the less usual its place is.
_END_TO_END = 0.8
_USUAL, _UNUSUAL = 0.45, 0.6
_USUAL_PARTS = (2, 3, 4)


@dataclass(frozen=True, slots=True)
class Line:
    """A line at ``place``, in pixels, and its ``score``, 0 to 1. One that is part of an even division is ``even``."""

    place: int
    score: float
    even: bool


def divide(profile: Profile) -> tuple[Line, ...]:
    """The lines that divide a stretch, in order, by the profile of all its lines."""
    scores = np.where(profile.spans >= _END_TO_END, profile.scores, 0.0)
    length = len(scores) - 1
    usual = [length * step / count for count in _USUAL_PARTS for step in range(1, count)]
    lines = list(divide_evenly(profile))
    for place in np.argsort(-scores):
        if scores[place] < _USUAL:
            break
        needed = _USUAL if min(abs(place - middle) for middle in usual) <= _OFF * length else _UNUSUAL
        stops = [0, length, *(line.place for line in lines)]
        if scores[place] >= needed and min(abs(int(place) - stop) for stop in stops) >= _SMALLEST * length:
            lines.append(Line(int(place), float(scores[place]), even=False))
    return tuple(sorted(lines, key=lambda line: line.place))


def divide_evenly(profile: Profile) -> tuple[Line, ...]:
    """The lines of the finest even division, of at most ``MOST`` parts, that are all there; none where there is
    none."""
    scores = profile.scores
    length = len(scores) - 1
    reach = max(2, round(_OFF * length))
    for count in range(MOST, 1, -1):
        lines = []
        for middle in (round(length * step / count) for step in range(1, count)):
            near = scores[middle - reach : middle + reach + 1]
            best = int(np.argmax(near))
            lines.append(Line(middle - reach + best, float(near[best]), even=True))
        found = [line.score for line in lines]
        if min(found) >= max(_LEAST, _LEAST_SHARE * max(found)) and np.mean(found) >= _LEAST_MEAN:
            return tuple(lines)
    return ()


def is_even(lines: tuple[Line, ...]) -> bool:
    """Whether all of ``lines`` belong to one even division."""
    return all(line.even for line in lines)

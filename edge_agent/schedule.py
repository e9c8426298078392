"""The hours in which a camera may raise an alarm; pure, the local time passed in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from edge_agent.policy import PolicyError

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = "(?:mon|tue|wed|thu|fri|sat|sun)"
_DAY_LIST = rf"{_DAY}(?:-{_DAY})?(?:,{_DAY}(?:-{_DAY})?)*"
_HOURS = r"(?:[01]\d|2[0-3]):[0-5]\d-(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)"
PATTERN = rf"^(?:{_DAY_LIST}|{_HOURS}|{_DAY_LIST} {_HOURS})$"
"""What one line of a schedule may look like."""
_FORM = "days, hours or both, as in 'mon-fri 07:00-18:00', 'sat,sun' and '22:00-06:00'"


@dataclass(frozen=True, slots=True)
class _Span:
    """On these days (0 is Monday) from one minute of the day to another, which is on the next day if it is no later."""

    days: frozenset[int]
    start: int
    end: int

    def covers(self, at: datetime) -> bool:
        minute = at.hour * 60 + at.minute
        if self.start < self.end:
            return at.weekday() in self.days and self.start <= minute < self.end
        yesterday = (at - timedelta(days=1)).weekday()
        return (at.weekday() in self.days and minute >= self.start) or (yesterday in self.days and minute < self.end)


class Schedule:
    """The union of its lines; without any, always.

    >>> Schedule(["mon-fri 22:00-06:00"]).covers(datetime(2026, 1, 3, 5, 59))
    True
    """

    def __init__(self, lines: Sequence[str]) -> None:
        """Raises ``PolicyError`` for a line that cannot be understood."""
        self._spans = tuple(_parse(line) for line in lines)

    @property
    def is_always(self) -> bool:
        """Whether there is no hour that it does not cover, having no lines."""
        return not self._spans

    def covers(self, at: datetime) -> bool:
        """Whether the local time ``at`` is within the hours. A span over midnight belongs to the day that it begins
        on."""
        return self.is_always or any(span.covers(at) for span in self._spans)


def _parse(line: str) -> _Span:
    if not re.fullmatch(PATTERN, line):
        raise PolicyError(f"schedule: found {line!r}; allowed are {_FORM}")
    words = line.split()
    hours = words[-1] if words[-1][0].isdigit() else "00:00-24:00"
    days = words[0] if words[0][0].isalpha() else "mon-sun"
    start, end = (_minute(time) for time in hours.split("-"))
    return _Span(frozenset(_days(days)), start, end)


def _days(text: str) -> list[int]:
    """The days of a list; one such as ``sat-mon`` goes over the end of the week."""
    days: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        begin, end = _DAYS.index(first), _DAYS.index(last or first)
        days += [day % len(_DAYS) for day in range(begin, end + 1 if end >= begin else end + len(_DAYS) + 1)]
    return days


def _minute(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)

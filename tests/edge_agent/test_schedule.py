from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.policy import PolicyError
from edge_agent.schedule import PATTERN, Schedule

MONDAY = datetime(2026, 11, 23, tzinfo=timezone.utc)


def minutes(schedule: Schedule) -> set[int]:
    """The minutes of a week, from Monday's first on, that it covers."""
    return {minute for minute in range(7 * 1440) if schedule.covers(MONDAY + timedelta(minutes=minute))}


def span(day: int, start: str, end: str, end_day: int | None = None) -> set[int]:
    def at(on: int, text: str) -> int:
        return on * 1440 + int(text[:2]) * 60 + int(text[3:])

    return {minute % (7 * 1440) for minute in range(at(day, start), at(day if end_day is None else end_day, end))}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], set(range(7 * 1440))),
        (["mon-fri 07:00-18:00"], set().union(*(span(day, "07:00", "18:00") for day in range(5)))),
        (["sat,sun"], span(5, "00:00", "24:00") | span(6, "00:00", "24:00")),
        (["fri 22:00-06:00"], span(4, "22:00", "06:00", 5)),
        (["sun 22:00-06:00"], span(6, "22:00", "06:00", 7)),
        (["sat-mon 12:00-13:00"], set().union(*(span(day, "12:00", "13:00") for day in (5, 6, 0)))),
        (["mon 01:00-02:00", "mon 01:30-03:00"], span(0, "01:00", "03:00")),
        (["tue 00:00-00:00"], span(1, "00:00", "24:00")),
        (["22:00-24:00"], set().union(*(span(day, "22:00", "24:00") for day in range(7)))),
    ],
)
def test_a_schedule_covers_its_lines(lines: list[str], expected: set[int]) -> None:
    assert minutes(Schedule(lines)) == expected


@pytest.mark.parametrize(
    "line", ["", "Mon", "mon-fri 7:00-18:00", "25:00-26:00", "mon 24:00-06:00", "mon  08:00-09:00", "daily"]
)
def test_a_line_that_is_not_understood_is_refused(line: str) -> None:
    with pytest.raises(PolicyError, match="allowed are days, hours or both"):
        Schedule([line])


@given(st.from_regex(re.compile(PATTERN), fullmatch=True), st.integers(0, 7 * 1440 - 1))
def test_every_line_of_the_form_is_understood(line: str, minute: int) -> None:
    Schedule([line.strip()]).covers(MONDAY + timedelta(minutes=minute))

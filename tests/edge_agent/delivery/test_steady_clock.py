"""A clock that is set while messages wait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge_agent.delivery.message import Message
from edge_agent.delivery.spool import EARLIEST_PLAUSIBLE_CLOCK, Spool, SpoolLimits
from edge_agent.delivery.steady_clock import SteadyClock

YEAR_S = 365 * 86_400.0
NOW = EARLIEST_PLAUSIBLE_CLOCK + 2 * YEAR_S


class Clocks:
    """A wall clock that can be set, and the monotonic one beside it."""

    def __init__(self) -> None:
        self.wall, self.monotonic = NOW, 100.0

    def pass_s(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def clock(clocks: Clocks) -> SteadyClock:
    return SteadyClock(lambda: clocks.wall, lambda: clocks.monotonic)


@pytest.fixture
def spool(tmp_path: Path, clock: SteadyClock) -> Iterator[Spool]:
    with closing(Spool(tmp_path / "spool.sqlite", SpoolLimits(10_000, 1000), clock)) as spool:
        yield spool


def waiting(spool: Spool) -> list[bytes]:
    return [one.message.payload for one in spool.peek(0, 100)]


@pytest.mark.parametrize("jump", [-YEAR_S, -7200.0, 7200.0, YEAR_S, -NOW])
def test_nothing_grows_old_or_young_when_the_clock_is_set_and_set_right_again(
    spool: Spool, clocks: Clocks, jump: float
) -> None:
    spool.put([Message("t", b"before")])
    clocks.pass_s(300)
    clocks.wall += jump
    spool.put([Message("t", b"meanwhile")])
    clocks.pass_s(300)
    clocks.wall -= jump
    spool.put([Message("t", b"after")])
    assert waiting(spool) == [b"before", b"meanwhile", b"after"]
    clocks.pass_s(500)
    spool.put([])
    assert waiting(spool) == [b"meanwhile", b"after"]
    assert spool.counts().dropped_by_age == 1
    clocks.pass_s(300)
    spool.put([])
    assert waiting(spool) == [b"after"]


def test_a_clock_that_was_never_set_is_followed_once_it_is(clocks: Clocks) -> None:
    clocks.wall = 0.0
    unset = SteadyClock(lambda: clocks.wall, lambda: clocks.monotonic)
    clocks.pass_s(10)
    assert unset() == 10.0
    clocks.wall = NOW
    assert unset() == NOW


def test_drift_is_followed(clocks: Clocks, clock: SteadyClock) -> None:
    for _ in range(100):
        clocks.pass_s(60)
        clocks.wall += 0.5
        assert clock() == pytest.approx(clocks.wall)

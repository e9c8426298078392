from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sources.throttle import Throttle


class Hours:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def pass_through(packets: list[tuple[float, float]]) -> list[float]:
    """When each packet, ``(seconds after the one before it, media time)``, gets through."""
    hours = Hours()
    throttle = Throttle(lambda: hours.now_s, hours.sleep)
    passed = []
    for late_s, media_s in packets:
        hours.now_s += late_s
        throttle.wait(media_s)
        passed.append(hours.now_s - 100.0)
    return passed


def test_burst_is_spread_to_a_little_more_than_its_own_pace() -> None:
    assert pass_through([(0.0, 7 + index * 0.5) for index in range(4)]) == pytest.approx(
        [0, 0.4545, 0.9091, 1.3636], abs=1e-3
    )


def test_even_stream_is_never_held() -> None:
    assert pass_through([(0.1, index * 0.1) for index in range(50)]) == pytest.approx(
        [0.1 * (index + 1) for index in range(50)]
    )


def test_nothing_hurries_when_the_stream_was_late() -> None:
    packets = [(0.0, 0.0), (5.0, 0.1), (0.0, 0.2), (0.0, 0.3)]
    assert pass_through(packets) == pytest.approx([0, 5.0, 5.0909, 5.1818], abs=1e-3)


def test_backlog_wears_off_when_it_is_there() -> None:
    # Twenty seconds of video lie ready, and the camera goes on: two hundred seconds later, all of it was watched.
    passed = pass_through([(0.0, index * 0.1) for index in range(2200)])
    assert passed[-1] == pytest.approx(200, abs=0.5)


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(-1e4, 1e4)), min_size=1, max_size=40))
def test_no_packet_waits_a_second_when_the_clock_does_anything(packets: list[tuple[float, float]]) -> None:
    passed = pass_through(packets)
    came_s = 0.0
    for (late_s, _), through_s in zip(packets, passed, strict=True):
        came_s += late_s
        assert -1e-6 < through_s - came_s < 1.0
        came_s = through_s

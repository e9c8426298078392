from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.timeline import Tick, Timeline


def follow(times: list[tuple[float, int, float]], largest_gap_s: float = 1.0) -> list[Tick | None]:
    timeline = Timeline(largest_gap_s)
    return [timeline.follow(*at) for at in times]


@pytest.mark.parametrize(
    ("times", "runs", "seconds"),
    [
        pytest.param([(5.0, 0, 0.0), (5.1, 0, 0.1)], [1, 1], [0.0, 0.1], id="steady"),
        pytest.param([(5.0, 0, 0.0), (5.9, 0, 0.9)], [1, 1], [0.0, 0.9], id="gap-allowed"),
        pytest.param([(5.0, 0, 0.0), (9.0, 0, 0.1)], [1, 2], [0.0, 4.0], id="gap-before-pace-is-known"),
        pytest.param([(5.0, 0, 0.0), (5.1, 0, 0.1), (3605.1, 0, 0.3)], [1, 1, 2], [0.0, 0.1, 0.3], id="jump-forward"),
        pytest.param([(5.0, 0, 0.0), (5.1, 0, 0.1), (0.0, 0, 2.1)], [1, 1, 2], [0.0, 0.1, 2.1], id="started-over"),
        pytest.param([(5.0, 0, 0.0), (5.1, 0, 0.1), (5.2, 1, 0.2)], [1, 1, 2], [0.0, 0.1, 0.2], id="new-segment"),
        pytest.param([(0.0, 0, 0.0), (2.0, 0, 2.0), (4.0, 0, 4.0)], [1, 2, 2], [0.0, 2.0, 4.0], id="slow-camera"),
    ],
)
def test_follow_tells_breaks_from_unevenness_when_source_time_moves(
    times: list[tuple[float, int, float]], runs: list[int], seconds: list[float]
) -> None:
    ticks = follow(times)
    assert [tick.run for tick in ticks if tick] == runs
    assert [tick.time_s for tick in ticks if tick] == pytest.approx(seconds)


@pytest.mark.parametrize("late", [5.0, 4.9, 4.6])
def test_follow_leaves_frame_out_when_it_comes_out_of_order(late: float) -> None:
    assert follow([(5.0, 0, 0.0), (late, 0, 0.1)])[1] is None


@given(st.lists(st.tuples(st.floats(-1e4, 1e4), st.integers(0, 2), st.floats(0, 10)), min_size=1, max_size=60))
def test_follow_never_goes_back_when_source_time_does_anything(steps: list[tuple[float, int, float]]) -> None:
    arrived = 0.0
    timeline, before = Timeline(1.0), None
    for source_s, segment, elapsed_s in steps:
        arrived += elapsed_s
        tick = timeline.follow(source_s, segment, arrived)
        if tick is None:
            continue
        if before is not None:
            assert tick.time_s > before.time_s
            assert tick.run >= before.run
        before = tick


def test_follow_takes_a_pause_for_no_pace_and_a_jump_during_it_for_a_break() -> None:
    timeline = Timeline(1.0)
    ticks = [timeline.follow(index / 10, 0, index / 10) for index in range(6)]
    paused = timeline.follow(2.5, 0, 2.6, paused=True)
    jumped = timeline.follow(3600.0, 0, 4.6, paused=True)
    assert ticks[-1] is not None
    assert paused is not None
    assert jumped is not None
    assert (paused.run, paused.pace_s) == (ticks[-1].run, pytest.approx(0.1))
    assert paused.time_s == pytest.approx(2.5)
    assert jumped.run == paused.run + 1
    assert jumped.time_s == pytest.approx(4.5)

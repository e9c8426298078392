from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from runtimes.bench.timing import paired_ratio, spread, time_side_by_side


class Hand:
    """A clock that moves when it is told."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.called: list[str] = []

    def __call__(self) -> float:
        return self.seconds

    def work(self, name: str, seconds: float) -> None:
        self.called.append(name)
        self.seconds += seconds


def test_each_call_is_timed_once_a_round_in_changing_order() -> None:
    hand = Hand()
    calls: dict[str, Callable[[], object]] = {
        name: partial(hand.work, name, seconds) for name, seconds in (("short", 0.001), ("long", 0.004))
    }
    taken = time_side_by_side(calls, 20, hand, np.random.default_rng(0))
    assert taken["short"] == pytest.approx(np.full(20, 1.0))
    assert taken["long"] == pytest.approx(np.full(20, 4.0))
    rounds = [tuple(hand.called[start : start + 2]) for start in range(len(hand.called) - 40, len(hand.called), 2)]
    assert set(rounds) == {("short", "long"), ("long", "short")}


def test_ratio_is_of_the_same_round_when_the_whole_machine_slows_down() -> None:
    slow = np.array([1.0, 1.0, 5.0, 50.0])
    assert paired_ratio(0.5 * slow, slow) == 0.5


def test_percentiles_are_of_all_times() -> None:
    found = spread(np.arange(101.0))
    assert (found.p50_ms, found.p95_ms, found.p99_ms) == (50, 95, 99)

"""How many threads a target gets, by a clock that the test moves: no test of ours measures a machine."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

import numpy as np
import pytest

from models.bundle import Bundle
from runtimes.detector import open_detector
from runtimes.errors import SessionError
from runtimes.pair import Pair
from runtimes.tflite import TFLiteRuntime
from runtimes.widening import open_widely
from tests.runtimes.breaking import BreakingRuntime, Faults


class Bench:
    """Opens pairs whose golden windows take ``seconds`` each by their number of threads, and is their clock. Their
    self-test is of so many ``windows``."""

    def __init__(self, seconds: Mapping[int, float | Exception], windows: int) -> None:
        self.now_s = 0.0
        self.open: list[int] = []
        self.windows = windows
        self._seconds = seconds

    def clock(self) -> float:
        return self.now_s

    def open_with(self, threads: int) -> Pair:
        self.open.append(threads)
        return Timed(self, threads, self._seconds[threads])  # type: ignore[return-value]


class Timed:
    candidate = "target"

    def __init__(self, bench: Bench, threads: int, seconds: float | Exception) -> None:
        self.bench, self.threads, self.seconds = bench, threads, seconds
        self.runs = 0
        self.tested_s = 0.0 if isinstance(seconds, Exception) else bench.windows * seconds

    def encode(self, samples: np.ndarray) -> None:
        assert samples.ndim == 4
        if isinstance(self.seconds, Exception):
            raise self.seconds
        self.bench.now_s += self.seconds
        self.runs += 1

    def close(self) -> None:
        self.bench.open.remove(self.threads)


@pytest.mark.parametrize(
    ("most", "seconds", "wanted"),
    [
        (1, {1: 1.0}, 1),
        (2, {1: 1.0, 2: 0.5}, 2),
        (2, {1: 1.0, 2: 0.75}, 2),
        (2, {1: 1.0, 2: 0.76}, 1),
        (3, {1: 1.0, 2: 0.5}, 2),
        (8, {1: 1.0, 2: 0.5, 4: 0.3, 8: 0.16}, 8),
        (8, {1: 1.0, 2: 0.5, 4: 0.4}, 2),
        (16, {1: 1.0, 2: 1.7}, 1),
    ],
)
def test_threads_double_for_as_long_as_that_pays(
    tiny: Bundle, most: int, seconds: Mapping[int, float | Exception], wanted: int
) -> None:
    golden = tiny.golden()
    bench = Bench(seconds, len(golden.samples))
    open_widely(bench.open_with, golden, most, bench.clock)
    assert bench.open == [wanted]


@pytest.mark.parametrize(("seconds", "runs"), [(0.001, 4), (0.016, 1), (0.02, 0), (3.0, 0)])
def test_where_the_self_test_takes_long_it_is_the_measure_since_cameras_wait(
    tiny: Bundle, seconds: float, runs: int
) -> None:
    golden = tiny.golden()
    bench = Bench({1: seconds, 2: seconds}, len(golden.samples))
    pair = open_widely(bench.open_with, golden, 2, bench.clock)
    assert isinstance(pair, Timed)
    assert pair.runs == runs


def test_a_self_test_of_twice_as_many_threads_counts_as_its_runs_do(tiny: Bundle) -> None:
    golden = tiny.golden()
    bench = Bench({1: 1.0, 2: 0.5, 4: 0.4}, len(golden.samples))
    open_widely(bench.open_with, golden, 4, bench.clock)
    assert bench.open == [2]


def test_nothing_stays_open_when_one_thread_does_not_work(tiny: Bundle) -> None:
    golden = tiny.golden()
    bench = Bench({1: SessionError("no")}, len(golden.samples))
    with pytest.raises(SessionError):
        open_widely(bench.open_with, golden, 4, bench.clock)
    assert bench.open == []


def test_fewer_threads_serve_where_more_do_not_work(tiny: Bundle, caplog: pytest.LogCaptureFixture) -> None:
    golden = tiny.golden()
    bench = Bench({1: 1.0, 2: 0.5, 4: SessionError("no memory")}, len(golden.samples))
    open_widely(bench.open_with, golden, 8, bench.clock)
    assert bench.open == [2]
    assert "does not work with 4 threads: no memory" in caplog.text


@pytest.mark.parametrize(
    ("most", "accelerator", "opened"), [(None, None, 2), (1, None, 2), (2, None, 4), (8, "npu", 2)]
)
def test_only_a_target_on_the_processor_is_timed(
    tiny: Bundle, most: int | None, accelerator: str | None, opened: int
) -> None:
    faults = Faults()
    engine = BreakingRuntime(TFLiteRuntime(), faults, accelerator)
    with closing(open_detector(tiny, runtimes=[engine], target="tflite-float32", most_threads=most)):
        assert len(faults.opened) == opened

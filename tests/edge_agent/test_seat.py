"""Judges that change between two batches, and two bundles on the same samples: real engines."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.comparison import SHARE, Comparison
from edge_agent.drift import DriftMeter
from edge_agent.inference import Judge
from edge_agent.sample import Sample
from edge_agent.seat import Seat
from edge_agent.sitting import RuntimeNews, Sitting
from models.bundle import Bundle
from runtimes.detector import Detector, open_detector
from tests.edge_agent.test_inference import samples_of
from tests.tiny_bundle import SAMPLES, make_windows

FLOAT, INT8 = "onnx-float32", "tflite-int8"


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Office:
    """A seat, and those who may sit in it."""

    def __init__(self, tiny: Bundle) -> None:
        self.told: list[str] = []
        self.closed: list[str] = []
        self.clock = Clock()
        self.seat = Seat()
        self._tiny = tiny

    def open(self, target: str) -> Sitting:
        detector = open_detector(self._tiny, target=target)
        judge = Judge(detector, self._tiny.manifest.geometry, 1.0, self.clock)
        return Sitting(detector, judge, RuntimeNews(lambda runtime: self.told.append(runtime.split()[0])))

    def change(self, make: Callable[[Sitting], Sitting]) -> bool:
        """Ask for a change while somebody judges."""
        done: list[bool] = []
        asking = threading.Thread(target=lambda: done.append(self.seat.change(make, 60)))
        asking.start()
        while asking.is_alive():
            self.seat.judge([])
        return done[0]


@pytest.fixture
def office(tiny: Bundle) -> Iterator[Office]:
    office = Office(tiny)
    yield office
    office.seat.close()


def windows(count: int) -> list[list[Sample]]:
    return [samples_of(f"{index}", one) for index, one in enumerate(make_windows(np.random.default_rng(3), count))]


def test_who_sits_judges_and_tells_of_his_engine(office: Office) -> None:
    first, second = office.open(FLOAT), office.open(INT8)
    office.seat.take(first)
    (samples,) = windows(1)
    assert len(office.seat.judge(samples)) == SAMPLES
    assert office.change(lambda before: (before.close(), second)[1])
    assert office.seat.judge(samples)[-1].probability == second.judge.judge(samples)[-1].probability
    first.news.tell("first")
    second.news.tell("second")
    assert office.told == [FLOAT, INT8, "second"]


def test_a_change_that_fails_or_comes_too_late_leaves_who_sits(office: Office) -> None:
    first = office.open(FLOAT)
    office.seat.take(first)

    def fail(_before: Sitting) -> Sitting:
        raise ValueError("no")

    assert not office.change(fail)
    # Nobody judges now, so nobody comes to it; whoever asked has gone on when somebody does.
    assert not office.seat.change(fail, 0.0)
    assert office.seat.judge([]) == []
    assert office.told == [FLOAT]


def test_two_targets_of_a_bundle_are_close_on_the_same_windows(office: Office, tiny: Bundle) -> None:
    meter = DriftMeter(0.6, 0.6)
    sitting = office.open(FLOAT)
    detector = open_detector(tiny, target=INT8)
    office.seat.take(sitting)
    comparison = Comparison(detector, sitting.detector, 1.0, meter, office.clock)
    assert office.change(lambda before: replace(before, comparison=comparison))
    for samples in windows(4):
        for sample in samples:
            office.seat.judge([sample])
            office.seat.reflect()
    assert meter.drift is not None
    assert meter.drift.windows == 4 * SAMPLES
    assert meter.drift.mean <= meter.drift.largest < 0.2
    # It was there already: nobody new has come.
    assert office.told == [FLOAT]


def test_windows_of_both_are_of_the_same_samples_when_some_are_left_out(office: Office, tiny: Bundle) -> None:
    """The same engine twice agrees to the last bit only where it sees the same."""
    meter, sitting = DriftMeter(0.6, 0.6), office.open(FLOAT)
    office.seat.take(sitting)
    comparison = Comparison(open_detector(tiny, target=FLOAT), sitting.detector, 1.0, meter, office.clock)
    with closing(comparison):
        for samples in windows(3):
            for index, sample in enumerate(samples):
                office.seat.judge([sample])
                assert sitting.judge.last is not None
                if index % 3:
                    comparison.add(sitting.judge.last)
    assert meter.drift is not None
    assert meter.drift.largest < 1e-5


class Slow:
    """An engine that takes a second for whatever it does, and fails where that is asked for."""

    def __init__(self, detector: Detector, clock: Clock) -> None:
        self._detector = detector
        self._clock = clock
        self.fails = False
        self.asked = 0
        self.description = "slow"

    def encode(self, samples: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.asked += 1
        self._clock.now_s += 1.0
        if self.fails:
            raise ValueError("gone")
        return self._detector.encode(samples)

    def judge(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._detector.judge(windows)

    def close(self) -> None:
        self._detector.close()


def test_comparing_takes_its_share_of_time_and_a_fault_ends_it_alone(office: Office, tiny: Bundle) -> None:
    sitting = office.open(FLOAT)
    office.seat.take(sitting)
    slow = Slow(open_detector(tiny, target=INT8), office.clock)
    comparison = Comparison(slow, sitting.detector, 1.0, DriftMeter(0.6, 0.6), office.clock)  # type: ignore[arg-type]
    (samples,) = windows(1)
    with closing(comparison):
        for _ in range(1000):
            office.clock.now_s += 0.1
            office.seat.judge(samples[:1])
            assert sitting.judge.last is not None
            comparison.add(sitting.judge.last)
        assert slow.asked == pytest.approx(SHARE * office.clock.now_s, abs=2)
        slow.fails = True
        office.clock.now_s += 1000.0
        before = slow.asked
        for _ in range(3):
            comparison.add(sitting.judge.last)
        assert slow.asked == before + 1

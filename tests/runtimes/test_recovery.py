"""Going back to a better target, with the real engines and a clock that the test moves."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from models.bundle import Bundle
from runtimes.detector import Detector, open_detector
from runtimes.environment import probe_environment
from runtimes.errors import RuntimeOpenError
from runtimes.onnx import OnnxRuntime
from runtimes.pair import Pair
from runtimes.protocol import Runtime
from runtimes.recovery import Recovery, RetryPolicy
from runtimes.selection import PREFERENCE, Candidate, keep
from runtimes.tflite import TFLiteRuntime
from tests.runtimes.breaking import BreakingRuntime, Faults
from tests.tiny_bundle import SIZE

ORDER = ("tflite-int8", "tflite-float32", "onnx-float32")
FIRST_S = 600.0
SAMPLES = np.random.default_rng(1).integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8)


class Site:
    """A detector whose engines break when ``faults`` say so, and what it told of its changes."""

    def __init__(self, bundle: Bundle) -> None:
        self.now_s = 50.0
        self.faults = Faults()
        self.told: list[tuple[str, str, str]] = []
        engines: tuple[Runtime, ...] = (
            BreakingRuntime(TFLiteRuntime(), self.faults),
            BreakingRuntime(OnnxRuntime(), self.faults),
        )
        self.detector: Detector = open_detector(
            bundle, runtimes=engines, on_changed=lambda *what: self.told.append(what), clock=lambda: self.now_s
        )

    def encode(self) -> str:
        """The target in use after one batch."""
        self.detector.encode(SAMPLES)
        return self.detector.target

    def try_again(self, caplog: pytest.LogCaptureFixture, words: str) -> str:
        """The target in use once a try that is due has ended, which the log tells by ``words``."""
        before = caplog.text.count(words)
        until(lambda: self.encode() != "" and caplog.text.count(words) > before)
        return self.encode()


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does; the limit only bounds a broken test."""
    end_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.01)


@pytest.fixture
def site(tiny: Bundle, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Site:
    """The tiny bundle on a machine where its targets rank in ``ORDER``, whatever processor runs the tests."""
    caplog.set_level(logging.INFO)
    order = tuple(tuple(target.split("-")) for target in ORDER)
    monkeypatch.setattr("runtimes.selection.PREFERENCE", dict.fromkeys(PREFERENCE, order))
    return Site(tiny)


def test_encode_goes_back_to_the_lost_target_once_it_works_again_and_not_before_the_wait(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    best = site.detector.description
    site.faults.run = "encoder.int8"
    assert site.encode() == "tflite-float32"
    site.faults.run = "nothing"
    site.now_s += FIRST_S - 1
    opened = len(site.faults.opened)
    assert [site.encode() for _ in range(3)] == ["tflite-float32"] * 3
    assert len(site.faults.opened) == opened
    site.now_s += 1
    assert site.try_again(caplog, "back from tflite-float32") == "tflite-int8"
    assert [after for _, after, _ in site.told][-1] == best
    assert site.told[-1][2].endswith("works now")
    site.detector.close()
    assert sorted(site.faults.opened) == sorted(site.faults.closed)


@pytest.mark.parametrize("fault", [{"open": "int8"}, {"wrong": "head.int8", "answer": 9.0}])
def test_encode_stays_with_what_works_when_the_lost_target_fails_its_self_test_or_does_not_open(
    site: Site, caplog: pytest.LogCaptureFixture, fault: dict[str, object]
) -> None:
    site.faults.run = "encoder.int8"
    site.encode()
    site.faults.run = "nothing"
    for name, value in fault.items():
        setattr(site.faults, name, value)
    site.now_s += FIRST_S
    assert site.try_again(caplog, "does not work again yet") == "tflite-float32"
    assert len(site.told) == 1


def test_encode_climbs_in_steps_when_only_the_second_best_works_again(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.faults.run = "encoder.*tflite"
    assert site.encode() == "onnx-float32"
    site.faults.run = site.faults.open = "int8"
    site.now_s += 2 * FIRST_S
    assert site.try_again(caplog, "back from onnx-float32") == "tflite-float32"
    site.faults.run = site.faults.open = "nothing"
    site.now_s += 4 * FIRST_S
    assert site.try_again(caplog, "back from tflite-float32") == "tflite-int8"
    site.faults.run = "encoder.int8"
    assert site.encode() == "tflite-float32"


def test_encode_goes_on_while_a_try_hangs_and_what_it_opens_too_late_is_closed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.faults.run = "encoder.int8"
    site.encode()
    site.faults.run = "nothing"
    entered, hanging = threading.Event(), threading.Event()
    real = BreakingRuntime.open

    def slow(*arguments: object) -> object:
        entered.set()
        assert hanging.wait(30)
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(BreakingRuntime, "open", slow)
    site.now_s += FIRST_S
    site.encode()
    assert entered.wait(30)
    site.now_s += 100 * FIRST_S
    assert site.encode() == "tflite-float32"
    assert sum(thread.name == "recovery" for thread in threading.enumerate()) == 1
    site.detector.close()
    hanging.set()
    until(lambda: len(site.faults.opened) == 6 and sorted(site.faults.opened) == sorted(site.faults.closed))


class Attempts:
    """A recovery whose tries are counted; they fail unless ``pair`` is there."""

    def __init__(self, bundle: Bundle, policy: RetryPolicy) -> None:
        self.now_s = 0.0
        self.pair: Pair | None = None
        self.times_s: list[float] = []
        self.candidate = keep(bundle.manifest, probe_environment(), "tflite-int8").candidates[0]
        self.recovery = Recovery(self._open, policy, lambda: self.now_s)

    def pass_time(self, seconds: float, step_s: float = 10.0) -> None:
        """Poll every ``step_s``, each time until no try is under way."""
        for _ in range(round(seconds / step_s)):
            self.now_s += step_s
            self.recovery.poll()
            until(lambda: self.recovery._attempt is None or self.recovery._attempt.done())
            self.recovery.poll()

    def _open(self, candidate: Candidate) -> Pair:
        self.times_s.append(self.now_s)
        if self.pair is None:
            raise RuntimeOpenError(f"{candidate}: not there")
        return self.pair


def test_the_wait_doubles_with_every_failure_up_to_its_limit(tiny: Bundle) -> None:
    site = Attempts(tiny, RetryPolicy(first_s=100, most_s=500))
    site.pass_time(50)
    assert site.times_s == []
    site.recovery.lose([site.candidate])
    site.pass_time(2000)
    assert site.times_s == [150, 350, 750, 1250, 1750]


@pytest.mark.parametrize(("held_s", "wait_s"), [(100, 200), (490, 200), (500, 100)])
def test_the_wait_begins_anew_only_after_the_target_has_worked_for_long(
    tiny: Bundle, held_s: float, wait_s: float
) -> None:
    site = Attempts(tiny, RetryPolicy(first_s=100, most_s=500))
    site.recovery.lose([site.candidate])
    site.pair = Pair(site.candidate, *(None,) * 3)  # type: ignore[arg-type]  # opened nowhere
    site.pass_time(100)
    assert site.times_s == [100]
    site.pass_time(held_s)
    site.recovery.lose([site.candidate])
    site.pass_time(300)
    assert site.times_s == [100, 100 + held_s + wait_s]


def test_the_wait_is_ten_minutes_at_first_and_six_hours_at_most() -> None:
    policy = RetryPolicy()
    assert [policy.wait_s(failures) for failures in (1, 2, 3, 7, 10_000)] == [600, 1200, 2400, 21_600, 21_600]

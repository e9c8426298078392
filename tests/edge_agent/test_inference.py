from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.inference import Judge, Judgement, judge_until
from edge_agent.pending import PendingSamples
from edge_agent.sample import Sample
from models.bundle import Bundle
from runtimes.detector import Detector, open_detector
from runtimes.errors import SessionError
from tests.edge_agent.test_snapshot import Noise
from tests.tiny_bundle import SAMPLES, make_windows


@pytest.fixture
def detector(tiny: Bundle) -> Iterator[Detector]:
    opened = open_detector(tiny, target="onnx-float32")
    yield opened
    opened.close()


def samples_of(camera: str, pixels: NDArray[np.uint8], run: int = 1) -> list[Sample]:
    return [Sample(camera, index / 10, run, 0.0, 1.0, Noise(), one) for index, one in enumerate(pixels)]


def test_judge_agrees_with_detector_when_windows_slide(detector: Detector, tiny: Bundle) -> None:
    windows = make_windows(np.random.default_rng(3), 6)
    judge = Judge(detector, tiny.manifest.geometry, 1.0, lambda: 1.25)
    one_by_one = {index: samples_of(f"camera {index}", window) for index, window in enumerate(windows)}
    for position in range(SAMPLES):
        judgements = judge.judge([samples[position] for samples in one_by_one.values()])
    embeddings = detector.encode(windows.reshape(-1, *windows.shape[2:])).reshape(len(windows), SAMPLES, -1)
    expected = detector.judge(embeddings)
    assert [one.probability for one in judgements] == pytest.approx(expected, abs=1e-5)
    assert expected.max() - expected.min() > 0.5
    assert {one.latency_s for one in judgements} == {0.25}


def test_judge_gives_same_answers_when_samples_come_in_one_batch(detector: Detector, tiny: Bundle) -> None:
    samples = samples_of("a", make_windows(np.random.default_rng(4), 1)[0])
    slow = Judge(detector, tiny.manifest.geometry, 1.0, lambda: 0.0)
    fast = Judge(detector, tiny.manifest.geometry, 1.0, lambda: 0.0)
    one_by_one = [slow.judge([sample])[0].probability for sample in samples]
    assert [one.probability for one in fast.judge(samples)] == pytest.approx(one_by_one, abs=1e-5)
    assert fast.judge([]) == []


class Counting:
    """A detector that remembers how many samples it was given at once."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.given: list[int] = []

    def encode(self, samples: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.given.append(len(samples))
        return self._detector.encode(samples)

    def judge(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._detector.judge(windows)


def test_a_still_sample_is_judged_by_what_its_pixels_were_encoded_to(detector: Detector, tiny: Bundle) -> None:
    first, second = samples_of("a", make_windows(np.random.default_rng(5), 1)[0])[:2]
    other = replace(second, camera="b")
    still, again = (replace(first, time_s=time_s, still=True) for time_s in (9.0, 12.0))
    counting = Counting(detector)
    judge = Judge(counting, tiny.manifest.geometry, 1.0, lambda: 0.0)
    plain = Judge(detector, tiny.manifest.geometry, 1.0, lambda: 0.0)
    expected = [plain.judge([sample])[0].probability for sample in (first, other, first)]
    found = [judge.judge([first]), judge.judge([other, still]), judge.judge([again])]
    assert [[one.probability for one in judgements] for judgements in found] == [
        pytest.approx(part, abs=1e-5) for part in (expected[:1], expected[1:], expected[2:])
    ]
    assert counting.given == [1, 1]
    assert judge.last is None
    assert judge.judge([replace(again, time_s=13.0), replace(other, time_s=13.0)])
    assert judge.last is not None
    assert [sample.camera for sample in judge.last.samples] == ["b"]


def test_a_still_sample_is_encoded_where_its_pixels_are_not_known(detector: Detector, tiny: Bundle) -> None:
    first, second = samples_of("a", make_windows(np.random.default_rng(5), 1)[0])[:2]
    counting = Counting(detector)
    judge = Judge(counting, tiny.manifest.geometry, 1.0, lambda: 0.0)
    judge.judge([replace(first, still=True)])
    judge.judge([replace(second, still=True)])
    judge.forget()
    judge.judge([replace(second, time_s=9.0, still=True)])
    judge.judge([replace(second, time_s=12.0, still=True)])
    assert counting.given == [1, 1, 1]


class Failing:
    """A detector whose engine fails now and then, as one does when its accelerator is unplugged."""

    def __init__(self, detector: Detector, failures: int) -> None:
        self._detector = detector
        self._failures = failures

    def encode(self, samples: NDArray[np.uint8]) -> NDArray[np.float32]:
        if self._failures:
            self._failures -= 1
            raise SessionError("gone")
        return self._detector.encode(samples)

    def judge(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._detector.judge(windows)


def test_judge_until_goes_on_when_a_batch_fails(detector: Detector, tiny: Bundle) -> None:
    pending, stop, done = PendingSamples(4), threading.Event(), threading.Event()
    told: list[Judgement] = []

    def deliver(judgements: list[Judgement]) -> None:
        told.extend(judgements)
        done.set()

    first, second = samples_of("a", make_windows(np.random.default_rng(5), 1)[0][:2])
    judge = Judge(Failing(detector, 1), tiny.manifest.geometry, 1.0, lambda: 0.0)
    thread = threading.Thread(target=judge_until, args=(stop, pending, judge, deliver, time.monotonic), daemon=True)
    pending.put(first)
    thread.start()
    while not pending.dropped:
        stop.wait(0.01)
    pending.put(second)
    assert done.wait(20)
    stop.set()
    thread.join(20)
    assert [one.sample.time_s for one in told] == [0.1]
    assert pending.dropped == 1

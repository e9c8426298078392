from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest

from builder.alarms.rule import AlarmRule
from builder.alarms.trace import trace
from builder.data.decode import DecodedClip
from edge_agent.frame import Frame
from edge_agent.inference import Judge
from edge_agent.sample import SampleMaker
from edge_agent.sampling import SamplingPolicy
from edge_agent.timeline import LARGEST_GAP_S
from models.bundle import Bundle
from runtimes.detector import Detector, open_detector
from tests.benchmarks.test_replay import Shown
from tests.tiny_bundle import SIZE


@pytest.fixture(scope="module")
def detector(tiny: Bundle) -> Iterator[Detector]:
    with closing(open_detector(tiny, target="onnx-float32")) as opened:
        yield opened


@pytest.mark.parametrize("fps", [10.0, 25.0])
def test_footage_is_judged_as_a_camera_that_is_awake(detector: Detector, tiny: Bundle, fps: float) -> None:
    manifest = tiny.manifest
    rng = np.random.default_rng(3)
    frames = rng.integers(0, 256, (round(8 * fps), SIZE, SIZE)).astype(np.uint8)
    times = np.arange(len(frames)) / fps
    maker = SampleMaker("a", SamplingPolicy(), manifest.geometry, manifest.preprocessing)
    maker.mode = "alert"
    judge = Judge(detector, manifest.geometry, LARGEST_GAP_S, lambda: 0.0)
    expected = [
        (judgement.sample.time_s, judgement.probability)
        for time_s, luma in zip(times.tolist(), frames, strict=True)
        for judgement in judge.judge(maker.make(Frame(time_s, 0, Shown(luma)), time_s))
    ]
    temperature = manifest.calibration.temperature
    found = trace(
        "x",
        0,
        DecodedClip(times, frames),
        detector,
        temperature,
        manifest.geometry,
        manifest.preprocessing,
        AlarmRule(),
    )
    assert (found.name, found.label, found.seconds) == ("x", 0, times[-1])
    shared = min(len(expected), len(found.times_s))
    assert abs(len(expected) - len(found.times_s)) <= 1
    assert [time_s for time_s, _ in expected[:shared]] == pytest.approx(found.times_s[:shared])
    probabilities = 1 / (1 + np.exp(-np.array(found.log_odds)))
    assert [height for _, height in expected[:shared]] == pytest.approx(probabilities[:shared], abs=1e-5)
    assert np.ptp(probabilities) > 0.05


def test_a_glance_is_a_window_of_one_sample_alone(detector: Detector, tiny: Bundle) -> None:
    manifest = tiny.manifest
    frames = np.repeat(np.arange(0, 240, 8), SIZE * SIZE).reshape(-1, SIZE, SIZE).astype(np.uint8)
    clip = DecodedClip(np.arange(len(frames)) / 10, frames)
    found = trace("x", 1, clip, detector, 1.0, manifest.geometry, manifest.preprocessing, AlarmRule())
    assert found.glances[0] == pytest.approx(found.log_odds[0], abs=1e-5)
    assert found.glances[-1] != pytest.approx(found.log_odds[-1], abs=1e-5)
    assert len(found.glances) == len(found.log_odds) == len(found.times_s)

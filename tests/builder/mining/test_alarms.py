from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from builder.mining.alarms import Window, judge_stream, pick_alarms
from builder.mining.sample_stream import TimedSample
from models.manifest import Geometry

GEOMETRY = Geometry(samples=3, rate_hz=5.0, frame_gap_s=0.1)


class Brightness:
    """A scorer whose embedding is a sample's mean, and whose fight logit is the sum over a window."""

    def encode(self, samples: NDArray[np.uint8]) -> NDArray[np.float32]:
        return samples.reshape(len(samples), -1).mean(axis=1, keepdims=True).astype(np.float32)

    def logits(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        summed = windows.sum(axis=(1, 2))
        return np.stack([np.zeros_like(summed), summed], axis=1)


def samples(levels: list[int]) -> list[TimedSample]:
    return [TimedSample(0.2 + n / 5, np.full((2, 2, 1), level, np.uint8)) for n, level in enumerate(levels)]


def test_each_full_window_is_judged_once_across_batches() -> None:
    levels = [n % 3 for n in range(150)]
    windows = list(judge_stream(Brightness(), samples(levels), GEOMETRY, temperature=2.0))
    assert len(windows) == 148
    assert windows[0].end_s == pytest.approx(0.6)
    assert windows[-1].end_s == pytest.approx(0.2 + 149 / 5)
    np.testing.assert_allclose([window.probability for window in windows], 1 / (1 + np.exp(-3 / 2)), rtol=1e-5)


def test_a_video_gives_no_window_when_it_is_too_short() -> None:
    assert list(judge_stream(Brightness(), samples([1, 2]), GEOMETRY, 1.0)) == []


HILLS = {
    "a": [Window(1.0, 0.5), Window(2.0, 0.9), Window(3.0, 0.8), Window(9.0, 0.7), Window(11.9, 0.6)],
    "b": [Window(1.0, 0.4), Window(5.0, 0.95)],
    "c": [Window(1.0, 0.1)],
    "d": [],
}


@pytest.mark.parametrize(
    ("minimum", "apart_s", "count", "picked"),
    [
        (0.3, 3.0, 10, [("b", 5.0), ("a", 2.0), ("a", 9.0), ("b", 1.0)]),
        (0.3, 2.5, 10, [("b", 5.0), ("a", 2.0), ("a", 9.0), ("b", 1.0), ("a", 11.9)]),
        (0.3, 3.0, 3, [("b", 5.0), ("a", 2.0), ("a", 9.0)]),
        (0.3, 3.0, 1, [("b", 5.0)]),
        (0.92, 3.0, 10, [("b", 5.0)]),
        (0.0, 100.0, 10, [("b", 5.0), ("a", 2.0), ("c", 1.0)]),
        (0.99, 3.0, 10, []),
    ],
)
def test_peaks_suppress_their_neighbours_and_videos_take_turns(
    minimum: float, apart_s: float, count: int, picked: list[tuple[str, float]]
) -> None:
    alarms = pick_alarms(HILLS, minimum=minimum, apart_s=apart_s, count=count)
    assert [(alarm.video, alarm.end_s) for alarm in alarms] == picked

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.data.decode import DecodedClip
from builder.data.samples import clip_samples, clip_windows, nearest_frames, sample_times
from edge_agent.sampling import Sampler, SamplingPolicy, Triple
from edge_agent.timeline import Tick
from models.manifest import Geometry, Preprocessing
from models.preprocessing import make_sample
from models.window import pick_padded_window

SLOW = Geometry(samples=4, rate_hz=5.0, frame_gap_s=0.1)
QUICK = Geometry(samples=8, rate_hz=10.0, frame_gap_s=0.1)
MOTION = Preprocessing(
    size=(4, 4), channels=("grey", "diff_back", "acceleration"), difference_gain=2.0, mean=0.0, scale=1.0
)


@pytest.mark.parametrize(
    ("duration_s", "geometry", "times"),
    [
        (1.0, SLOW, [0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.99, SLOW, [0.2, 0.4, 0.6, 0.8]),
        (0.45, QUICK, [0.2, 0.3, 0.4]),
        (0.2, SLOW, [0.2]),
        (0.05, SLOW, [0.05]),
        (0.0, SLOW, [0.0]),
    ],
)
def test_samples_lie_at_the_rate_from_where_their_frames_begin(
    duration_s: float, geometry: Geometry, times: list[float]
) -> None:
    np.testing.assert_allclose(sample_times(duration_s, geometry), times)


@pytest.mark.parametrize(
    ("wanted", "index"),
    [(-1.0, 0), (0.0, 0), (0.019, 0), (0.02, 0), (0.021, 1), (0.06, 1), (0.07, 2), (0.1, 2), (0.2, 3), (9.0, 3)],
)
def test_the_nearest_frame_is_taken_and_of_two_the_earlier(wanted: float, index: int) -> None:
    times = np.array([0.0, 0.04, 0.08, 0.2])
    assert nearest_frames(times, np.array([[wanted]])).tolist() == [[index]]


@given(
    st.lists(st.floats(0.01, 0.5), min_size=1, max_size=20),
    st.lists(st.floats(-1, 12, allow_nan=False), min_size=1, max_size=5),
)
def test_no_frame_is_nearer_than_the_one_taken(gaps: list[float], wanted: list[float]) -> None:
    times = np.concatenate([[0.0], np.cumsum(gaps)])
    asked = np.array(wanted)
    taken = np.abs(times[nearest_frames(times, asked)] - asked)
    assert (taken <= np.abs(times[:, None] - asked).min(axis=0) + 2e-6).all()


@pytest.mark.parametrize("rate", [10.0, 12.5, 15.0, 24.0, 25.0, 29.97, 30.0, 50.0])
@pytest.mark.parametrize("geometry", [SLOW, QUICK])
def test_the_builder_cuts_the_frames_that_the_agent_would(rate: float, geometry: Geometry) -> None:
    times = np.arange(int(3 * rate)) / rate
    sampler = Sampler(SamplingPolicy(alert_rate_hz=geometry.rate_hz), geometry)
    sampler.mode = "alert"
    told: list[Triple] = []
    for time_s in times:
        told += sampler.offer(Tick(float(time_s), 0, 1 / rate)).samples
    instants = sample_times(float(times[-1]), geometry)
    gaps = np.array([2, 1, 0]) * geometry.frame_gap_s
    built = times[nearest_frames(times, instants[:, None] - gaps)]
    seen = np.array([(triple.before, triple.now, triple.after) for triple in told])
    # The agent tells a sample once a frame at or behind its instant is there: the last may still wait for one.
    assert len(built) - 1 <= len(seen) <= len(built)
    np.testing.assert_allclose(seen, built[: len(seen)])


def test_samples_are_made_of_frames_two_gaps_one_gap_and_none_before() -> None:
    rng = np.random.default_rng(0)
    clip = DecodedClip(np.arange(13) / 20, rng.integers(0, 256, (13, 4, 4), np.uint8))
    samples = clip_samples(clip, SLOW, MOTION)
    assert (samples.shape, samples.dtype) == ((3, 4, 4, 3), np.uint8)
    for number, (before, now, after) in enumerate([(0, 2, 4), (4, 6, 8), (8, 10, 12)]):
        np.testing.assert_array_equal(
            samples[number], make_sample(clip.frames[before], clip.frames[now], clip.frames[after], MOTION)
        )


def test_one_sample_is_cut_when_a_clip_is_shorter_than_a_sample() -> None:
    clip = DecodedClip(np.array([0.0, 0.04]), np.array([np.zeros((4, 4)), np.full((4, 4), 9)], np.uint8))
    samples = clip_samples(clip, SLOW, MOTION)
    assert samples.shape == (1, 4, 4, 3)
    np.testing.assert_array_equal(samples[0, ..., 0], 0)


@pytest.mark.parametrize(
    ("count", "windows"),
    [
        (1, [[0, 0, 0, 0]]),
        (3, [[0, 0, 1, 2]]),
        (4, [[0, 1, 2, 3]]),
        (6, [[0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5]]),
    ],
)
def test_windows_slide_over_a_clip_and_a_short_one_is_filled_at_its_front(count: int, windows: list[list[int]]) -> None:
    assert clip_windows(count, SLOW).tolist() == windows


@given(st.integers(1, 40), st.integers(1, 9), st.sampled_from([1.0, 3.0, 5.0, 7.5, 10.0]))
def test_windows_are_those_that_the_agent_picks(count: int, samples: int, rate: float) -> None:
    geometry = Geometry(samples=samples, rate_hz=rate, frame_gap_s=0.1)
    windows = clip_windows(count, geometry)
    times = 0.2 + np.arange(count) / rate
    assert len(windows) == max(1, count - samples + 1)
    for number, window in enumerate(windows):
        np.testing.assert_array_equal(window, pick_padded_window(times[: min(count, samples) + number], geometry))

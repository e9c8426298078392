from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.data.clips import Clip
from builder.data.decode import DecodedClip
from builder.data.degradation import Degradation, Recording, decode_degraded, degrade, draw_recording, shrink_clip
from builder.errors import DataError
from models.manifest import Preprocessing
from tests.builder import tiny_clips

SMALL = Preprocessing(size=(24, 32), channels=("grey",), difference_gain=1.0, mean=0.0, scale=1.0)
LIGHT = Degradation(cell_px=(64, 80))
PLAIN = Recording(
    cell_px=64,
    dvr_rate_hz=25.0,
    dvr_crf=4.0,
    overlay=False,
    gamma=1.0,
    bezel=0.0,
    recorder_rate_hz=25.0,
    recorder_crf=4.0,
    phase_s=0.0,
    camera=None,
)


def ramp(frames: int, rate: float) -> DecodedClip:
    """Pictures that each are four levels brighter than the one before."""
    levels = 4 * np.arange(frames, dtype=np.uint8)
    return DecodedClip(np.arange(frames) / rate, np.repeat(levels, 36 * 64).reshape(frames, 36, 64))


def recorded(clip: DecodedClip, **changed: object) -> DecodedClip:
    return degrade(clip, msgspec.structs.replace(PLAIN, **changed), np.random.default_rng(0))


def numbers(clip: DecodedClip) -> list[int]:
    """Which picture of the ramp each frame shows."""
    return [round(float(frame.mean()) / 4) for frame in clip.frames]


@pytest.mark.parametrize(
    ("source", "dvr", "recorder", "shown"),
    [
        (10, 10, 10, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        # 25 to 60: repeats of two and three by turns.
        (25, 25, 60, [0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 5, 5, 6, 6, 7, 7, 7, 8, 8]),
        # 25 to 12: some are left out, and not evenly.
        (25, 25, 12, [0, 2, 4, 6, 8]),
        # A recorder of five a second between cameras and screen.
        (20, 5, 20, [0, 0, 0, 0, 4, 4, 4, 4, 8, 8]),
    ],
)
def test_pictures_are_repeated_and_left_out_when_rates_differ(
    source: float, dvr: float, recorder: float, shown: list[int]
) -> None:
    clip = recorded(ramp(10, source), dvr_rate_hz=float(dvr), recorder_rate_hz=float(recorder))
    assert numbers(clip) == shown
    np.testing.assert_allclose(clip.times_s, np.arange(len(shown)) / recorder)


def test_a_recorder_that_begins_later_shows_later_pictures_from_time_zero() -> None:
    clip = recorded(ramp(10, 10), dvr_rate_hz=10.0, recorder_rate_hz=10.0, phase_s=0.05)
    assert numbers(clip) == list(range(9))
    assert clip.times_s[0] == 0


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 500), st.integers(2, 12), st.floats(5, 30))
def test_any_clip_comes_out_with_ascending_times_and_at_least_two_frames(seed: int, frames: int, rate: float) -> None:
    rng = np.random.default_rng(seed)
    recording = draw_recording(LIGHT, rng)
    cell = DecodedClip(np.arange(frames) / rate, rng.integers(0, 256, (frames, *recording.cell), np.uint8))
    clip = degrade(cell, recording, rng)
    assert len(clip.times_s) == len(clip.frames) >= 2
    assert clip.frames.dtype == np.uint8
    assert clip.times_s[0] == 0
    assert (np.diff(clip.times_s) > 0).all()
    assert shrink_clip(clip, SMALL).frames.shape == (len(clip.frames), 24, 32)


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    tiny_clips.write_clip(tmp_path / "a.mp4", fight=True, seed=1)
    return Clip("a.mp4", tmp_path / "a.mp4", "fight", "camera")


def test_a_file_is_degraded_alike_by_the_same_seed_and_otherwise_by_another(clip: Clip) -> None:
    first, again, other = (decode_degraded(clip, SMALL, LIGHT, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.frames, again.frames)
    np.testing.assert_array_equal(first.times_s, again.times_s)
    assert first.frames.shape != other.frames.shape or (first.frames != other.frames).any()


def test_what_is_drawn_depends_on_the_clips_name_and_not_on_the_networks_size(clip: Clip) -> None:
    first = decode_degraded(clip, SMALL, LIGHT, 1)
    larger = decode_degraded(clip, msgspec.structs.replace(SMALL, size=(48, 64)), LIGHT, 1)
    np.testing.assert_array_equal(first.frames, larger.frames)
    renamed = decode_degraded(clip._replace(name="b.mp4"), SMALL, LIGHT, 1)
    assert first.frames.shape != renamed.frames.shape or (first.frames != renamed.frames).any()


def test_a_clip_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    (tmp_path / "b.mp4").write_bytes(b"no video")
    with pytest.raises(DataError, match=r"b\.mp4: cannot be decoded"):
        decode_degraded(Clip("b.mp4", tmp_path / "b.mp4", "fight", "camera"), SMALL, LIGHT, 1)

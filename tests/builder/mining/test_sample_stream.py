from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from builder.data.decode import decode_clip
from builder.data.samples import clip_samples, sample_times
from builder.errors import DataError
from builder.mining.sample_stream import stream_samples
from models.manifest import Geometry, Preprocessing
from tests.builder import tiny_clips

SMALL = Preprocessing(size=(16, 24), channels=("acceleration",), difference_gain=4.0, mean=128.0, scale=128.0)


@pytest.mark.parametrize(("rate_hz", "frame_gap_s"), [(5.0, 0.1), (10.0, 0.07), (2.0, 0.2)])
def test_a_streamed_video_gives_what_is_cut_from_the_whole(tmp_path: Path, rate_hz: float, frame_gap_s: float) -> None:
    geometry = Geometry(samples=3, rate_hz=rate_hz, frame_gap_s=frame_gap_s)
    tiny_clips.write_clip(tmp_path / "a.mp4", fight=True, seed=1, frames=50)
    decoded = decode_clip(tmp_path / "a.mp4", SMALL)
    streamed = list(stream_samples(tmp_path / "a.mp4", geometry, SMALL))
    np.testing.assert_allclose(
        [sample.time_s for sample in streamed], sample_times(float(decoded.times_s[-1]), geometry)
    )
    np.testing.assert_array_equal([sample.pixels for sample in streamed], clip_samples(decoded, geometry, SMALL))


def test_one_clear_error_when_a_video_cannot_be_decoded(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with pytest.raises(DataError, match=r"a\.mp4: cannot be decoded"):
        next(stream_samples(tmp_path / "a.mp4", Geometry(samples=3, rate_hz=5.0, frame_gap_s=0.1), SMALL))

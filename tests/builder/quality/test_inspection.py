from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from builder.errors import DataError
from builder.quality.inspection import inspect_clip
from tests.builder import tiny_clips
from tests.builder.quality.drawn_clips import draw, write


def test_size_length_light_and_motion_are_measured(tmp_path: Path) -> None:
    frames = draw(1, 1)
    measures = inspect_clip("a.mp4", write(tmp_path / "a.mp4", frames))
    assert (measures.clip, measures.width_px, measures.height_px) == ("a.mp4", 192, 144)
    assert measures.seconds == pytest.approx(59 / 25, abs=0.001)
    assert measures.brightness == pytest.approx(float(frames[::25].mean()), abs=12)
    assert measures.contrast == pytest.approx(float(frames[::25].std()), rel=0.25)
    assert 0.02 < measures.motion < 0.6
    assert len(measures.hashes.times_s) == len(measures.hashes.pictures) == len(measures.hashes.changes) == 60
    assert measures.hashes.changes[:5] == (None,) * 5
    assert None not in measures.hashes.changes[5:]


def test_compression_is_worse_when_it_is_stronger(tmp_path: Path) -> None:
    fine, coarse = (tmp_path / name for name in ("fine.mp4", "coarse.mp4"))
    noisy = np.clip(draw(1, 1) + np.random.default_rng(0).normal(0, 6, (60, 144, 192)), 0, 255).astype(np.uint8)
    scores = [inspect_clip(p.name, write(p, noisy, crf=crf)).compression for p, crf in ((fine, 10), (coarse, 48))]
    assert scores[0] is not None
    assert scores[1] is not None
    assert scores[0] > scores[1]


@pytest.mark.parametrize(("frames", "motion"), [(draw(1, None), 0.0), (draw(1, 1)[:1], 0.0)])
def test_nothing_moves_in_a_frozen_clip_or_a_single_frame(
    tmp_path: Path, frames: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], motion: float
) -> None:
    assert inspect_clip("a.mp4", write(tmp_path / "a.mp4", frames)).motion == motion


def test_nothing_is_said_of_compression_when_a_clip_is_flat(tmp_path: Path) -> None:
    tiny_clips.write_clip(tmp_path / "a.mp4", fight=False, seed=0)
    assert inspect_clip("a.mp4", tmp_path / "a.mp4").compression is None


def test_one_clear_error_when_a_clip_cannot_be_decoded(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with pytest.raises(DataError, match=r"a\.mp4: cannot be decoded"):
        inspect_clip("a.mp4", tmp_path / "a.mp4")

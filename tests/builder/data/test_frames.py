from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from builder.data.decode import read_luma
from builder.data.frames import timed_frames
from tests.builder.data.test_decode import write_stamped
from tests.builder.quality.drawn_clips import draw, write


def test_frames_carry_their_own_times_when_they_rise(tmp_path: Path) -> None:
    frames = list(timed_frames(write_stamped(tmp_path / "a.nut", [100, 110, 150, 160])))
    np.testing.assert_allclose([frame.time_s for frame in frames], [1.0, 1.1, 1.5, 1.6])
    assert not any(frame.counted for frame in frames)


def test_frames_are_counted_when_the_container_stamps_them_as_they_are_stored(tmp_path: Path) -> None:
    drawn = draw(1, 1)
    film = write(tmp_path / "a.avi", drawn)
    with av.open(str(film)) as container:
        stamps = [frame.time for frame in container.decode(video=0)]
    assert stamps != sorted(stamps)
    frames = list(timed_frames(film))
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(len(drawn)) / 25)
    assert all(frame.counted for frame in frames)
    shown = np.stack([frame.frame.to_ndarray(format="gray") for frame in frames]).astype(int)
    nearest = [int(np.abs(drawn.astype(int) - picture).mean(axis=(1, 2)).argmin()) for picture in shown[:20]]
    assert nearest == list(range(20))


def test_frames_that_follow_too_soon_are_left_out_when_a_step_is_asked(tmp_path: Path) -> None:
    film = write_stamped(tmp_path / "a.nut", [0, 10, 20, 30, 50, 51, 80])
    assert [round(100 * frame.time_s) for frame in read_luma(film, 0.2)] == [0, 20, 50, 80]

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from builder.data.decode import read_luma
from builder.errors import DataError
from builder.mining.cutting import cut_clip
from tests.builder.quality.drawn_clips import draw, write


def write_full_range(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 192, 144, "yuvj420p"
        for frame in draw(1, 1):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="gray")))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("film", ["h264.mp4", "jpeg.avi"])
@pytest.mark.parametrize(("start_s", "end_s", "count"), [(0.0, 0.4, 11), (1.2, 2.0, 21), (2.2, 9.0, 5)])
def test_the_frames_of_the_stretch_are_kept_to_the_bit(
    tmp_path: Path, film: str, start_s: float, end_s: float, count: int
) -> None:
    path = tmp_path / film
    _ = write(path, draw(1, 1)) if film == "h264.mp4" else write_full_range(path)
    assert cut_clip(path, start_s, end_s, tmp_path / "cut.mkv") == count
    wanted = list(read_luma(path))[round(25 * start_s) :][:count]
    found = list(read_luma(tmp_path / "cut.mkv"))
    np.testing.assert_array_equal([frame.luma for frame in found], [frame.luma for frame in wanted])
    np.testing.assert_allclose([frame.time_s for frame in found], np.arange(count) / 25, atol=0.0011)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([film, "cut.mkv"])


def test_frames_are_counted_when_their_time_stamps_do_not_rise(tmp_path: Path) -> None:
    film = write(tmp_path / "a.avi", draw(1, 1))
    assert cut_clip(film, 0.4, 0.8, tmp_path / "cut.mkv") == 11
    wanted = [frame.luma for frame in read_luma(film)][10:21]
    np.testing.assert_array_equal([frame.luma for frame in read_luma(tmp_path / "cut.mkv")], wanted)


@pytest.mark.parametrize(("content", "message"), [(b"no video", "cannot be decoded"), (None, "no frame between 50")])
def test_one_clear_error_and_no_clip_when_there_is_nothing_to_cut(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = write(tmp_path / "a.mp4", draw(1, 1))
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        cut_clip(path, 50.0, 51.0, tmp_path / "cut.mkv")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]

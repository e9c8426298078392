from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from benchmarks.streaming import Encoding, StreamingError, film_pictures, join_films


def film(path: Path, shade: int, count: int, size: tuple[int, int] = (64, 48)) -> Path:
    pictures = (np.full((size[1], size[0], 3), shade, np.uint8) for _ in range(count))
    return film_pictures(pictures, size, 10.0, path, Encoding(key_every_s=0.5))


def test_joined_films_follow_one_another_without_a_gap(tmp_path: Path) -> None:
    dark, light = film(tmp_path / "dark.mp4", 40, 12), film(tmp_path / "light.mp4", 200, 7)
    joined = join_films([dark, light, dark], tmp_path / "joined.mp4")
    with av.open(str(joined)) as container:
        frames = list(container.decode(video=0))
    assert [frame.time for frame in frames] == pytest.approx([index / 10 for index in range(31)])
    shades = [round(float(frame.to_ndarray(format="gray").mean()) / 80) for frame in frames]
    assert shades == [shades[0]] * 12 + [shades[12]] * 7 + [shades[0]] * 12
    assert shades[0] < shades[12]


def test_films_of_another_encoder_are_not_joined(tmp_path: Path) -> None:
    small, large = film(tmp_path / "small.mp4", 40, 5), film(tmp_path / "large.mp4", 40, 5, size=(128, 96))
    with pytest.raises(StreamingError, match="encoded otherwise"):
        join_films([small, large], tmp_path / "joined.mp4")
    assert not (tmp_path / "joined.mp4").exists()

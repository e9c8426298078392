from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.policy import PolicyError
from edge_agent.snapshot import SnapshotPolicy, encode_snapshot
from edge_agent.sources.source import SourceOptions
from edge_agent.sources.video import VideoImage, VideoReader
from tests.edge_agent.films import write_film


def first_image(path: Path, size: tuple[int, int]) -> VideoImage:
    reader = VideoReader(str(write_film(path, [90] * 3, size=size)), SourceOptions(), time.monotonic)
    read = reader.read()
    reader.close()
    assert read is not None
    return read[1]


def decode(jpeg: bytes) -> NDArray[np.uint8]:
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)


@pytest.mark.parametrize(
    ("size", "side", "expected"),
    [((96, 128), 1280, (96, 128)), ((720, 1280), 640, (360, 640)), ((640, 360), 320, (320, 180))],
)
def test_encode_keeps_aspect_when_picture_is_too_large(
    tmp_path: Path, size: tuple[int, int], side: int, expected: tuple[int, int]
) -> None:
    picture = decode(encode_snapshot(first_image(tmp_path / "a.mp4", size), 0.5, SnapshotPolicy(largest_side=side)))
    assert picture.shape[:2] == expected
    assert abs(int(picture[-10, -10, 0]) - 90) < 8


class Noise:
    """A picture that no JPEG makes small."""

    size = (720, 1280)

    def luma(self) -> NDArray[np.uint8]:
        return self.colour(1280)[..., 0]

    def colour(self, largest_side: int) -> NDArray[np.uint8]:
        shape = (largest_side * 9 // 16, largest_side, 3)
        return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("largest", [4096, 50_000, 200_000])
def test_encode_stays_below_limit_when_picture_is_noise(largest: int) -> None:
    assert len(encode_snapshot(Noise(), 0.5, SnapshotPolicy(largest_bytes=largest))) <= largest


def test_encode_draws_score_only_when_asked(tmp_path: Path) -> None:
    image = first_image(tmp_path / "a.mp4", (360, 640))
    plain = decode(encode_snapshot(image, 0.87, SnapshotPolicy()))
    drawn = decode(encode_snapshot(image, 0.87, SnapshotPolicy(score=True)))
    changed = np.abs(plain.astype(int) - drawn).max(axis=2) > 60
    assert changed[:40, :80].any()
    assert not changed[60:].any()


@pytest.mark.parametrize("figures", [{"largest_side": 8}, {"quality": 0}, {"quality": 101}, {"largest_bytes": 100}])
def test_policy_is_refused_when_figure_makes_no_sense(figures: dict[str, int]) -> None:
    with pytest.raises(PolicyError, match=next(iter(figures))):
        SnapshotPolicy(**figures)  # type: ignore[arg-type]

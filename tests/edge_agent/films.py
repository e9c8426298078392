"""Small real video files for tests."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

SIZE = (96, 128)


def write_film(
    path: Path, levels: Iterable[int], *, fps: int = 20, size: tuple[int, int] = SIZE, codec: str = "mpeg4"
) -> Path:
    """Encode one grey picture for each level (0..255), with a bright bar that makes it no plain surface."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 2_000_000
        for level in levels:
            frame = av.VideoFrame.from_ndarray(picture(level, size), format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def picture(level: int, size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """``(h, w, 3) uint8 BGR``."""
    image = np.full((*size, 3), level, np.uint8)
    image[:, : size[1] // 8] = 200
    return image


def calm(seconds: float, fps: int = 20) -> list[int]:
    """Levels of pictures in which nothing moves."""
    return [0] * round(seconds * fps)


def violent(seconds: float, fps: int = 20) -> list[int]:
    """Levels that jump between black and white at every frame gap of the tiny bundle, 0.1 s: all motion."""
    held = max(1, fps // 10)
    return [255 * (index // held % 2) for index in range(round(seconds * fps))]

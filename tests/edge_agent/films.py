"""Small real video files for tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import av
import numpy as np
from numpy.typing import NDArray

SIZE = (96, 128)


def write_film(
    path: Path,
    pictures: Iterable[int | NDArray[np.uint8]],
    *,
    fps: int = 20,
    size: tuple[int, int] = SIZE,
    codec: str = "mpeg4",
    options: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """Encode pictures ``(h, w, 3) uint8 BGR``; a level (0..255) stands for a grey one. ``options`` are the codec's."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 2_000_000
        stream.options = dict(options)
        for one in pictures:
            shown = picture(one, size) if isinstance(one, int) else one
            frame = av.VideoFrame.from_ndarray(shown, format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def picture(level: int, size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """``(h, w, 3) uint8 BGR`` of one level, with a bright bar that makes it no plain surface."""
    image = np.full((*size, 3), level, np.uint8)
    image[:, : size[1] // 8] = 200
    return image

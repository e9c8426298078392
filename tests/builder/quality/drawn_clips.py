"""Real videos of an unmoving camera, of which place and action can be chosen apart."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

RATE = 25


def draw(place: int, action: int | None, seconds: float = 2.4) -> NDArray[np.uint8]:
    """Luma ``(F, 144, 192) uint8``: soft patches by ``place``, before which three discs wander by ``action``."""
    patches = np.random.default_rng(place).integers(40, 200, (6, 8)).astype(np.uint8)
    still = cv2.resize(patches, (192, 144), interpolation=cv2.INTER_CUBIC)
    frames = np.repeat(still[None], round(seconds * RATE), axis=0)
    if action is not None:
        rng = np.random.default_rng(1000 + action)
        steps = np.cumsum(rng.normal(0, 4.0, (len(frames), 3, 2)), axis=0) + rng.uniform(30, 110, (3, 2))
        for frame, discs in zip(frames, steps, strict=True):
            for number, (x, y) in enumerate(discs):
                cv2.circle(frame, (round(x) % 192, round(y) % 144), 22, (250, 5, 240)[number], -1)
    return np.asarray(frames, np.uint8)


def write(
    path: Path,
    frames: NDArray[np.uint8],
    *,
    size: tuple[int, int] = (192, 144),
    crf: int = 18,
    rate: Fraction = Fraction(RATE),
) -> Path:
    """Write luma frames as H.264 of ``size`` (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.options = {"crf": str(crf), "preset": "veryfast"}
        for frame in frames:
            shrunk = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shrunk, format="gray")))
        container.mux(stream.encode(None))
    return path

"""Luma from 16 to 235, as video mostly has it, made to go from 0 to 255."""

from __future__ import annotations

from functools import lru_cache

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from models.preprocessing import Luma


def to_full_range(luma: Luma) -> Luma:
    """Full-range luma ``(height, width) uint8`` of limited one, to the bit as FFmpeg computes it, which decodes the
    builder's pictures."""
    return np.asarray(cv2.LUT(luma, _table()), dtype=np.uint8)


@lru_cache(maxsize=1)
def _table() -> NDArray[np.uint8]:
    """``(256,) uint8``: what FFmpeg makes of each value."""
    frame = av.VideoFrame(256, 2, "yuv420p")
    frame.color_range = 1
    for plane, row in zip(frame.planes, (np.arange(256), np.full(128, 128), np.full(128, 128)), strict=True):
        filled = np.zeros((plane.height, plane.line_size), np.uint8)
        filled[:, : len(row)] = row
        plane.update(filled.tobytes())
    return np.ascontiguousarray(frame.to_ndarray(format="gray")[0])

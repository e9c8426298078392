"""The name and the clock that recorders burn into a picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.uint8]
TALLEST = 22.0
"""Height in pixels of OpenCV's plain letters at scale 1."""
LETTERS = 0.045
"""Their height in the picture, as a share of its own."""


def burn_in(frames: Iterable[Luma], rate_hz: float, rng: np.random.Generator) -> Iterator[Luma]:
    """Write a drawn camera's name and a running clock into pictures ``(H, W) uint8`` of a constant rate."""
    name = f"CAM {rng.integers(1, 33):02d}"
    start_s = int(rng.integers(0, 86_400))
    for number, luma in enumerate(frames):
        seconds = (start_s + int(number / rate_hz)) % 86_400
        clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
        told = luma.copy()
        scale = LETTERS * luma.shape[0] / TALLEST
        (width, _), _ = cv2.getTextSize(clock, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
        edge = max(2, luma.shape[0] // 40)
        for text, left, base in ((name, edge, luma.shape[0] - edge), (clock, luma.shape[1] - width - edge, 4 * edge)):
            for grey, thickness in ((0, 3), (235, 1)):
                cv2.putText(told, text, (left, base), cv2.FONT_HERSHEY_SIMPLEX, scale, grey, thickness, cv2.LINE_AA)
        yield told

"""Where to look closer: the window of a picture that moves most."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models.manifest import CloseUp

CELL = 4
"""Motion is looked for on a grid of cells of so many canvas pixels a side, in which a camera's noise averages away."""


def grid_size(close_up: CloseUp) -> tuple[int, int]:
    """``(h, w)`` of the grid that motion is looked for on."""
    rows, columns = close_up.canvas
    return max(1, rows // CELL), max(1, columns // CELL)


def window_of_motion(motion: NDArray[np.uint8], close_up: CloseUp) -> tuple[slice, slice]:
    """The rows and columns of the canvas whose window holds most of ``motion (h, w)``, one value for each grid cell.

    Of equal windows it is the uppermost, then the leftmost; where nothing moves it is the middle one.
    """
    cells = [max(1, round(side * close_up.share)) for side in motion.shape]
    sums = cv2.integral(motion)
    inside = sums[cells[0] :, cells[1] :] - sums[: -cells[0], cells[1] :]
    inside = inside - sums[cells[0] :, : -cells[1]] + sums[: -cells[0], : -cells[1]]
    corner = np.unravel_index(np.argmax(inside), inside.shape)
    if not inside[corner]:
        corner = ((inside.shape[0] - 1) // 2, (inside.shape[1] - 1) // 2)
    rows, columns = (
        _stretch(int(cell), length, side, close_up.share)
        for cell, length, side in zip(corner, motion.shape, close_up.canvas, strict=True)
    )
    return rows, columns


def _stretch(cell: int, cells: int, side: int, share: float) -> slice:
    length = max(1, round(side * share))
    start = min(cell * side // cells, side - length)
    return slice(start, start + length)

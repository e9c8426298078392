"""A mosaic so coarse that nothing can be recognised in it: about two cells across a head."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.privacy.head_finder import Zones

# A zone is some two and a half times as wide as its head, or hardly wider where a head is all that is seen of somebody.
_CELLS_ACROSS = 5
_SMALLEST_CELL = 8


class Mosaic:
    """What ``zones`` hide of a picture of ``size`` ``(height, width)``: every pixel becomes the mean of its cell.

    Cells lie on one grid from the picture's corner and their sides are powers of two, so that a zone that moves shows
    the same means again and not others, from which more could be reckoned; where zones overlap the coarser wins.
    """

    def __init__(self, zones: Zones, size: tuple[int, int]) -> None:
        self._hidden: dict[int, NDArray[np.uint8]] = {}
        height, width = size
        pixels = np.clip(zones, 0, 1) * np.array([width, height, width, height], np.float32)
        for left, top, right, bottom in pixels.tolist():
            self._add((int(left), int(top)), (int(-(-right // 1)), int(-(-bottom // 1))), size)

    def apply(self, plane: NDArray[np.uint8], shrunk: int = 1) -> None:
        """Hide it in ``plane`` ``(h, w)`` or ``(h, w, 3) uint8``, which is smaller than the picture by ``shrunk``, 1,
        2, 4 or 8."""
        for cell, hidden in sorted(self._hidden.items()):
            _coarsen(plane, np.asarray(hidden[::shrunk, ::shrunk] > 0), cell // shrunk)

    def _add(self, start: tuple[int, int], stop: tuple[int, int], size: tuple[int, int]) -> None:
        """Hide the pixels from ``start`` to before ``stop``, both ``(x, y)`` and even: a chroma sample is of four."""
        left, top = (edge // 2 * 2 for edge in start)
        right, bottom = (-(-edge // 2) * 2 for edge in stop)
        least = min(right - left, bottom - top)
        if least <= 0:
            return
        cell = _SMALLEST_CELL
        while cell * _CELLS_ACROSS < least:
            cell *= 2
        hidden = self._hidden.setdefault(cell, np.zeros(size, np.uint8))
        hidden[top:bottom, left:right] = 1


def _coarsen(plane: NDArray[np.uint8], hidden: NDArray[np.bool_], cell: int) -> None:
    """Set each pixel that is ``hidden`` to its cell's mean; only what lies around them all is computed."""
    rows, columns = (np.flatnonzero(hidden.any(axis=axis)) for axis in (1, 0))
    top, left = rows[0] // cell * cell, columns[0] // cell * cell
    within = (slice(top, rows[-1] + 1), slice(left, columns[-1] + 1))
    across, down = -(-(columns[-1] + 1 - left) // cell), -(-(rows[-1] + 1 - top) // cell)
    part = plane[top : top + down * cell, left : left + across * cell]
    # Cells at the lower and the right edge may reach out of the picture.
    beyond = (down * cell - part.shape[0], across * cell - part.shape[1])
    whole = cv2.copyMakeBorder(part, 0, beyond[0], 0, beyond[1], cv2.BORDER_REPLICATE)
    means = cv2.resize(whole, (across, down), interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(means, (across * cell, down * cell), interpolation=cv2.INTER_NEAREST)
    shown = plane[within]
    where = hidden[within] if plane.ndim == 2 else hidden[within][..., None]  # noqa: PLR2004 two: no colours
    np.copyto(shown, coarse[: shown.shape[0], : shown.shape[1]], where=where)

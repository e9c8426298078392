"""Which part of its source's picture a camera shows: all of it, or one cell of a wall."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Region:
    """A box whose edges are shares of the picture, 0 to 1, so that its resolution does not matter.

    ``border`` is for the cells of an even grid: so many pixels stand between any two, and none around them all. The
    shares are then those of the grid alone, with as much border after its last cell as after any other.
    """

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0
    border: int = 0

    def slices(self, size: tuple[int, int]) -> tuple[slice, slice]:
        """Rows and columns of a picture of ``size`` ``(height, width)``; each has at least one pixel."""
        height, width = size
        return _stretch(self.top, self.bottom, height, self.border), _stretch(self.left, self.right, width, self.border)


WHOLE = Region()


def _stretch(low: float, high: float, length: int, border: int) -> slice:
    start = min(round(low * (length + border)), length - 1)
    return slice(start, max(start + 1, min(round(high * (length + border)) - border, length)))

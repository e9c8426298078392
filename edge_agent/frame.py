"""A frame: one picture of one camera at one instant, its pixels not touched until somebody asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.preprocessing import Luma


class Image(Protocol):
    """A picture whose conversion costs something, so that it is done only for the few frames that are needed."""

    @property
    def size(self) -> tuple[int, int]:
        """``(height, width)`` in pixels."""
        ...

    def luma(self) -> Luma:
        """``(height, width) uint8``, full range: what the builder's decoding gives for the same picture."""
        ...

    def colour(self, largest_side: int) -> NDArray[np.uint8]:
        """``(h, w, 3) uint8 BGR``, its aspect kept, scaled down so that no side exceeds ``largest_side`` pixels."""
        ...


@dataclass(frozen=True, slots=True)
class Frame:
    """``time_s`` is the source's own clock, seconds since the stream's start; it rises within one ``segment``, and a
    new segment says that what follows has no motion in common with what came before. ``paused`` says that pictures
    right before this one were not decoded, since nobody needed them; ``late_s`` is how many seconds ago it came, for
    one that waited to be decoded."""

    time_s: float
    segment: int
    image: Image
    paused: bool = False
    late_s: float = 0.0


def fit(size: tuple[int, int], largest_side: int) -> tuple[int, int]:
    """``(height, width)`` scaled down, never up, so that no side exceeds ``largest_side``; even, as video likes it."""
    factor = min(1.0, largest_side / max(size))
    if factor == 1.0:
        return size
    height, width = (max(2, int(side * factor) // 2 * 2) for side in size)
    return height, width

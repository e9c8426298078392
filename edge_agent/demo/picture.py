"""A camera's picture in a terminal: two pixels a character cell, one its colour and one its background."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

UPPER_HALF = "▀"
_COARSE = 0b11111000
_STYLES = 4096


class Picture:
    """A renderable of exactly ``columns`` by ``rows`` cells from an image ``(h, w, 3) uint8 BGR``."""

    def __init__(self, image: NDArray[np.uint8], columns: int, rows: int) -> None:
        small = np.asarray(cv2.resize(image, (columns, 2 * rows), interpolation=cv2.INTER_AREA), dtype=np.uint8)
        # Fewer colours repeat more often, so that their styles come from the cache.
        self._pixels = (small & np.uint8(_COARSE)).tolist()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for upper, lower in zip(self._pixels[::2], self._pixels[1::2], strict=True):
            for above, below in zip(upper, lower, strict=True):
                yield Segment(UPPER_HALF, _style(*above, *below))
            yield Segment.line()


@lru_cache(_STYLES)
def _style(blue: int, green: int, red: int, blue_below: int, green_below: int, red_below: int) -> Style:
    return Style.from_color(Color.from_rgb(red, green, blue), Color.from_rgb(red_below, green_below, blue_below))

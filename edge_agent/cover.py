"""Which parts of a camera's picture are not judged, and which of them nobody may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.frame import Image
from edge_agent.privacy.blurred_image import BlurredImage
from edge_agent.privacy.head_finder import HeadFinder
from models.preprocessing import Luma

Polygon = tuple[tuple[float, float], ...]
"""Corners as ``(x, y)``, shares of the picture's width and height, 0 to 1."""

_SHIFT = 8


@dataclass(frozen=True, slots=True)
class Cover:
    """What lies outside of all ``zones`` is not judged, where there are any; what lies inside a mask is neither judged
    nor shown in any picture. What ``heads`` finds is judged and not shown."""

    zones: tuple[Polygon, ...] = ()
    masks: tuple[Polygon, ...] = ()
    heads: HeadFinder | None = None

    def hidden(self, size: tuple[int, int]) -> NDArray[np.bool_] | None:
        """What is not judged of a picture of ``size`` ``(height, width)``; ``None``: all of it is."""
        if not self.zones and not self.masks:
            return None
        judged = _fill(self.zones, size) if self.zones else np.ones(size, np.bool_)
        return ~judged | _fill(self.masks, size)

    def masked(self, size: tuple[int, int]) -> NDArray[np.bool_]:
        """What lies inside a mask, of a picture of ``size`` ``(height, width)``."""
        return _fill(self.masks, size)

    def cover(self, image: Image) -> Image:
        """The picture without what nobody may see."""
        covered = CoveredImage(image, self) if self.masks else image
        return covered if self.heads is None else BlurredImage(covered, self.heads)


OPEN = Cover()
"""All is judged and shown."""


class CoveredImage:
    """A picture whose masked parts are black, whoever looks at it."""

    def __init__(self, image: Image, cover: Cover) -> None:
        self._image = image
        self._cover = cover

    @property
    def size(self) -> tuple[int, int]:
        return self._image.size

    def luma(self) -> Luma:
        luma = self._image.luma().copy()
        luma[self._cover.masked(self.size)] = 0
        return luma

    def colour(self, largest_side: int) -> NDArray[np.uint8]:
        colour = self._image.colour(largest_side).copy()
        height, width = colour.shape[:2]
        colour[self._cover.masked((height, width))] = 0
        return colour


def _fill(polygons: Sequence[Polygon], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Every pixel that a polygon touches."""
    height, width = size
    inside = np.zeros(size, np.uint8)
    for polygon in polygons:
        corners = np.array(polygon) * (width, height) - 0.5
        points = np.rint(corners * (1 << _SHIFT)).astype(np.int32)
        cv2.fillPoly(inside, [points], 1, shift=_SHIFT)
    return inside.astype(np.bool_)

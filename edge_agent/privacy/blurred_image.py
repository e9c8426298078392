"""A picture whose heads are unrecognisable, whoever looks at it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_agent.frame import Image
from edge_agent.privacy.head_finder import HeadFinder, Zones
from edge_agent.privacy.mosaic import Mosaic
from edge_agent.privacy.search import find_or_hide_all
from models.preprocessing import Luma

# Larger pictures show no heads that smaller ones hide: what looks for them sees 352 pixels of a quarter.
_SEARCHED_SIDE = 1280


class BlurredImage:
    """Heads are looked for when the picture is first asked for, and not again for another size of it."""

    def __init__(self, image: Image, finder: HeadFinder) -> None:
        self._image = image
        self._finder = finder
        self._zones: Zones | None = None

    @property
    def size(self) -> tuple[int, int]:
        return self._image.size

    def luma(self) -> Luma:
        luma = self._image.luma().copy()
        self._hide(luma)
        return luma

    def colour(self, largest_side: int) -> NDArray[np.uint8]:
        colour = self._image.colour(largest_side).copy()
        self._hide(colour)
        return colour

    def _hide(self, picture: NDArray[np.uint8]) -> None:
        if self._zones is None:
            searched = self._image.colour(_SEARCHED_SIDE)
            self._zones = find_or_hide_all(self._finder, searched, closely=True)
        height, width = picture.shape[:2]
        Mosaic(self._zones, (height, width)).apply(picture)

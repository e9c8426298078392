"""A cell's picture: a part of its wall's, which is converted once for all cells and copied for none."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.frame import Image, fit
from edge_agent.region import Region
from models.preprocessing import Luma


class SharedImage:
    """A picture that many look at: its luma is converted when the first of them asks, and kept until ``forget``."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._luma: Luma | None = None

    @property
    def size(self) -> tuple[int, int]:
        return self._image.size

    def luma(self) -> Luma:
        if self._luma is None:
            self._luma = self._image.luma()
        return self._luma

    def colour(self, largest_side: int) -> NDArray[np.uint8]:
        return self._image.colour(largest_side)

    def forget(self) -> None:
        """Give the luma's memory back: whoever keeps the picture from now on wants it in colour."""
        self._luma = None


class CellImage:
    """The part of ``whole`` that ``region`` says."""

    def __init__(self, whole: Image, region: Region) -> None:
        self._whole = whole
        self._rows, self._columns = region.slices(whole.size)

    @property
    def size(self) -> tuple[int, int]:
        return self._rows.stop - self._rows.start, self._columns.stop - self._columns.start

    def luma(self) -> Luma:
        return self._whole.luma()[self._rows, self._columns]

    def colour(self, largest_side: int) -> NDArray[np.uint8]:
        # The wall in its own size first: scaled down, its cells' edges would lie between pixels and bleed.
        cell = self._whole.colour(max(self._whole.size))[self._rows, self._columns]
        height, width = fit(self.size, largest_side)
        if (height, width) == self.size:
            return cell.copy()
        return np.asarray(cv2.resize(cell, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)

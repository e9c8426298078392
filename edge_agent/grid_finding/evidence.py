"""What some seconds of video say of its picture's parts: what stands still, what moves, and what moves together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.preprocessing import Luma

Reals = NDArray[np.float32]
REACH = 6
"""Motion is compared between pixels twice so far apart: a border of eight pixels and its blur lie between them."""
_LARGEST_STEP = 24.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of each pixel ``(H, W) float32``, in grey levels: its ``mean`` over time; the ``energy`` of its changes from one
    picture to the next, their mean square; and, as mean products, how its neighbours ``REACH`` to its left and right
    (``across``), or above and below (``along``), change together."""

    mean: Reals
    energy: Reals
    across: Reals
    along: Reals

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.mean.shape
        return height, width

    def part(self, rows: slice, columns: slice) -> Evidence:
        """The evidence of a part of the picture."""
        return Evidence(*(one[rows, columns] for one in (self.mean, self.energy, self.across, self.along)))

    def turned(self) -> Evidence:
        """The same with rows for columns."""
        return Evidence(self.mean.T, self.energy.T, self.along.T, self.across.T)


class Gatherer:
    """Adds up pictures ``(H, W) uint8`` of one size, a few of each second."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.count = 0
        self._sum, self._energy, self._across, self._along = (np.zeros(size, np.float32) for _ in range(4))
        self._before: Reals | None = None

    def add(self, luma: Luma) -> None:
        picture = luma.astype(np.float32)
        if self._before is not None:
            # One fast, bright thing must not outweigh all else.
            change = np.clip(picture - self._before, -_LARGEST_STEP, _LARGEST_STEP)
            self._energy += change * change
            self._across[:, REACH:-REACH] += change[:, : -2 * REACH] * change[:, 2 * REACH :]
            self._along[REACH:-REACH] += change[: -2 * REACH] * change[2 * REACH :]
        self._before = picture
        self._sum += picture
        self.count += 1

    def evidence(self) -> Evidence:
        """What was seen so far, of at least one picture."""
        changes = np.float32(max(1, self.count - 1))
        return Evidence(
            self._sum / np.float32(self.count), self._energy / changes, self._across / changes, self._along / changes
        )

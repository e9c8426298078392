"""Where heads are in a picture: the seam to what finds them."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Zones = NDArray[np.float32]
"""``(N, 4)``: left, top, right and bottom edges as shares of the picture, which they may reach out of."""

NOTHING: Zones = np.zeros((0, 4), np.float32)
EVERYTHING: Zones = np.array([[0, 0, 1, 1]], np.float32)

# Of a person who stands, the head is in the top third; of one who bends, lies or is near it may be anywhere at the top
# of a box that is then no higher than it is wide.
_TOP = 0.3
_TOP_OF_WIDTH = 0.65
_GROWTH = 0.05


class HeadFinder(Protocol):
    """Finds heads, and rather too many than too few."""

    def find(self, picture: NDArray[np.uint8], *, closely: bool) -> Zones:
        """Zones that hold the heads of ``picture`` ``(h, w, 3) uint8 BGR``. ``closely`` finds more of them, at five
        times the cost: for a single picture, which has none before and after it. May raise whatever its engine
        raises. Called by any thread."""
        ...


def find_head_zones(persons: NDArray[np.float32]) -> NDArray[np.float32]:
    """Where the heads of ``persons`` are, both ``(N, 4)`` boxes in pixels: left, top, right, bottom."""
    left, top, right, bottom = persons.T
    width, height = right - left, bottom - top
    depth = np.minimum(height, np.maximum(_TOP * height, _TOP_OF_WIDTH * width))
    across, along = _GROWTH * width, _GROWTH * depth
    return np.stack([left - across, top - along, right + across, top + depth + along], axis=1)

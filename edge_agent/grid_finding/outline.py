"""A picture of what was found, for a person to confirm: each cell outlined and numbered."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.grid_finding.layout import Layout

_LINE, _SHADE, _UNUSED = (0, 230, 255), (0, 0, 0), (128, 128, 128)


def outline(picture: NDArray[np.uint8], layout: Layout) -> NDArray[np.uint8]:
    """A copy of ``picture (h, w, 3) uint8 BGR`` in the size that the layout was found in, with its cells drawn in;
    unused ones are crossed out."""
    drawn = picture.copy()
    for number, box in enumerate(layout.cells, start=1):
        corner = (box.right - 1, box.bottom - 1)
        for colour, thickness in ((_SHADE, 4), (_LINE, 2)):
            cv2.rectangle(drawn, (box.left, box.top), corner, colour, thickness)
        size = (box.bottom - box.top) / 120
        place = (round((box.left + box.right) / 2 - 10 * size * len(str(number))), round((box.top + box.bottom) / 2))
        for colour, thickness in ((_SHADE, 6), (_LINE, 2)):
            cv2.putText(drawn, str(number), place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, round(thickness * size) or 1)
    for box in layout.unused:
        cv2.line(drawn, (box.left, box.top), (box.right, box.bottom), _UNUSED, 2)
        cv2.line(drawn, (box.left, box.bottom), (box.right, box.top), _UNUSED, 2)
    return drawn

"""A contact sheet: a clip's pictures side by side as one small picture, for a page that shows no strip of them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

HEIGHT = 120
_GAP = 4
_WHITE = 255
_QUALITIES = (80, 65, 50, 35, 20, 10)


def contact_sheet(pictures: Sequence[bytes], limit: int) -> bytes:
    """At least one JPEG picture, all of one size, in order, as one grey JPEG of at most ``HEIGHT`` pixels' height.

    It is of the best quality that needs no more than ``limit`` bytes, or of the lowest where none does.
    """
    first, *others = [_shrunk(picture) for picture in pictures]
    gap = np.full((len(first), _GAP), _WHITE, np.uint8)
    strip = np.hstack([first, *(part for other in others for part in (gap, other))])
    sheet = b""
    for quality in _QUALITIES:
        sheet = cv2.imencode(".jpg", strip, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(sheet) <= limit:
            break
    return sheet


def _shrunk(picture: bytes) -> NDArray[np.uint8]:
    grey = np.asarray(cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)
    height, width = grey.shape
    scale = min(1.0, HEIGHT / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)

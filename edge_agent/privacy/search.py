"""Looking for heads without ever failing open."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from edge_agent.privacy.head_finder import EVERYTHING, HeadFinder, Zones

log = logging.getLogger(__name__)


def find_or_hide_all(finder: HeadFinder, picture: NDArray[np.uint8], *, closely: bool) -> Zones:
    """The zones that ``finder`` finds in ``picture`` ``(h, w, 3) uint8 BGR``, and all of it where that fails: never
    raises."""
    try:
        return finder.find(picture, closely=closely)
    except Exception:  # an engine may raise whatever it likes; this picture is hidden, the next one is tried anew
        log.exception("no heads could be looked for: the whole picture is hidden")
        return EVERYTHING

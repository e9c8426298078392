"""Whether anything moved since the last glance, by one shrunk picture of each; pure."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from models.preprocessing import Luma

# Pixels of the canvas along each side of a block: noise and compression cancel in its mean, a limb does not.
_BLOCK = 8
# Of the picture. The seconds of a clock change at every glance; anybody who can be made out fills more.
_CAPTION_SHARE = 0.005
# Of 255 levels, by which a block's mean may differ. In empty scenes with a flickering light and much noise it is 4.
_MOST_APART = 4
# By which all of them may differ: lamps flicker by 3, and a light that is switched on changes more.
_MOST_LIGHT = 8


class Stillness:
    """Compares the picture that each glance begins with to that of the glance before, as means of blocks.

    It is still if no more than a clock's worth of blocks changed, beside what little changed of the light in all.
    """

    def __init__(self) -> None:
        self._run: int | None = None
        self._blocks: NDArray[np.int16] | None = None
        self._judged_s = -math.inf

    def forget(self) -> None:
        """Take the next picture for the first."""
        self._blocks = None

    def is_still(self, time_s: float, run: int, luma: Luma, full_glance_s: float) -> bool:
        """Take the picture ``(H, W) uint8`` that a glance at ``time_s`` of the camera's clock begins with; whether it
        is enough to say that nothing moved. The first of a ``run``, the camera's unbroken stretch, never is, nor
        is one that comes ``full_glance_s`` or more after the last that was not."""
        blocks = _means(luma)
        before = self._blocks if run == self._run else None
        self._run, self._blocks = run, blocks
        if before is not None and time_s - self._judged_s < full_glance_s and _is_same(before, blocks):
            return True
        self._judged_s = time_s
        return False


def _means(luma: Luma) -> NDArray[np.int16]:
    height, width = luma.shape
    size = (max(1, width // _BLOCK), max(1, height // _BLOCK))
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), dtype=np.int16)


def _is_same(before: NDArray[np.int16], after: NDArray[np.int16]) -> bool:
    changes = after - before
    light = int(np.median(changes))
    changed = np.abs(changes - light) > _MOST_APART
    return abs(light) <= _MOST_LIGHT and int(np.count_nonzero(changed)) <= _CAPTION_SHARE * changed.size

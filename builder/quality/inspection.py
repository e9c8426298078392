"""What is measured of one clip, in the size and quality in which it came."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.data.decode import STEP_SLACK_S, LumaFrame, read_luma
from builder.quality.clip_hash import CHANGE_S, ClipHash
from builder.quality.compression_score import compression_score
from builder.quality.picture_hash import hash_picture, shrink_for_hash

CHANGED = 8
"""Grey levels by which a pixel must differ to have changed: above a sensor's noise, below any moving thing."""
_GRID = 128
_STEP_S = 0.04
_LOOK_S = 1.0
_LEAST_CHANGE = 0.5


class ClipMeasures(msgspec.Struct, frozen=True, kw_only=True):
    """One clip. ``compression`` is from 1 (bad) to 10, ``None`` where nothing can be said; ``brightness`` and
    ``contrast`` are mean and standard deviation of grey levels, all three the median over one look a second.
    ``motion`` is the largest share of the picture that changes within ``CHANGE_S``."""

    clip: str
    height_px: int
    width_px: int
    seconds: float
    compression: float | None
    brightness: float
    contrast: float
    motion: float
    hashes: ClipHash


def inspect_clip(name: str, path: Path) -> ClipMeasures:
    """Measure the clip in ``path``. Raises ``DataError`` naming it when it cannot be decoded."""
    inspector = _Inspector()
    for frame in read_luma(path, _STEP_S):
        inspector.see(frame)
    return inspector.measures(name)


class _Inspector:
    """Sees a clip's frames one by one and keeps nothing larger than a hash of those that are past."""

    def __init__(self) -> None:
        self.times_s: list[float] = []
        self._pictures: list[int] = []
        self._changes: list[int | None] = []
        self._looks: list[tuple[float | None, float, float]] = []
        self._motion = 0.0
        self._size = (0, 0)
        self._begun_s = 0.0
        self._recent: deque[tuple[float, NDArray[np.uint8]]] = deque()

    def see(self, frame: LumaFrame) -> None:
        """Take the next frame; one whose time does not rise is left out."""
        if not self.times_s:
            self._begun_s, self._size = frame.time_s, (frame.luma.shape[0], frame.luma.shape[1])
        time_s = frame.time_s - self._begun_s
        if self.times_s and time_s <= self.times_s[-1]:
            return
        if time_s >= len(self._looks) * _LOOK_S:
            self._looks.append((compression_score(frame.luma), float(frame.luma.mean()), float(frame.luma.std())))
        grid = np.asarray(cv2.resize(frame.luma, (_GRID, _GRID), interpolation=cv2.INTER_AREA), np.uint8)
        self.times_s.append(time_s)
        self._pictures.append(hash_picture(shrink_for_hash(grid)))
        self._recent.append((time_s, grid))
        while len(self._recent) > 1 and time_s - self._recent[1][0] >= CHANGE_S - STEP_SLACK_S:
            self._recent.popleft()
        self._changes.append(self._change(time_s, grid))

    def _change(self, time_s: float, grid: NDArray[np.uint8]) -> int | None:
        before_s, before = self._recent[0]
        # A clip shorter than the time of a change still shows whether anything moves in it.
        self._motion = max(self._motion, float((cv2.absdiff(grid, before) > CHANGED).mean()))
        change = shrink_for_hash(grid) - shrink_for_hash(before)
        if time_s - before_s < CHANGE_S - STEP_SLACK_S or float(np.abs(change).mean()) < _LEAST_CHANGE:
            return None
        return hash_picture(change)

    def measures(self, name: str) -> ClipMeasures:
        """Everything that was seen."""
        compressions = [score for score, _, _ in self._looks if score is not None]
        return ClipMeasures(
            clip=name,
            height_px=self._size[0],
            width_px=self._size[1],
            seconds=round(self.times_s[-1], 3),
            compression=float(np.median(compressions)) if compressions else None,
            brightness=float(np.median([brightness for _, brightness, _ in self._looks])),
            contrast=float(np.median([contrast for _, _, contrast in self._looks])),
            motion=self._motion,
            hashes=ClipHash(tuple(self.times_s), tuple(self._pictures), tuple(self._changes)),
        )

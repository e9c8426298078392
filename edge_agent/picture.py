"""Whether what a camera shows can be watched at all: frozen, dark and blank pictures are told apart; pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from edge_agent.events import Picture
from models.preprocessing import Luma

# Longer than a shutter takes to pass, a light to be switched or an encoder to begin a new group of pictures.
_HOLD_S = 30.0
# What few looks say, however far apart, is no evidence.
_LEAST_LOOKS = 5
# The part of a picture that may stand out of a surface at either end: captions and a clock are drawn even into black.
_CAPTIONS = 0.02
_MOST_SPREAD = 6
_DARKEST = 32
# Each fourth pixel of each fourth row tells a surface as well as all of them.
_STEP = 4


class PictureWatch:
    """Judges one camera's pictures by those that its samples are made of, which are there anyway.

    ``frozen`` are pictures that stay the same to the last bit: no sensor is so free of noise. A surface, whose levels
    lie within 6 of 255 but for captions, proves nothing that way, since an encoder may make the same bits of it each
    time; it is ``dark`` when that level is low, as at night or under a cover, and ``blank`` when it is not, as a screen
    that says there is no signal. Each is told once it has lasted for ``hold_s``, and no longer than it lasts.
    """

    def __init__(self, hold_s: float = _HOLD_S) -> None:
        self._hold_s = hold_s
        self._run: int | None = None
        self._newest: Luma | None = None
        self._seen: Picture = "ok"
        self._since_s = 0.0
        self._looks = 0
        self._told: Picture = "ok"

    @property
    def picture(self) -> Picture:
        """What has been so for long enough."""
        return self._told

    def look(self, time_s: float, run: int, pictures: Sequence[Luma]) -> Picture:
        """Take one sample's pictures, shrunk, oldest first, or the only one of a short glance, at ``time_s`` of the
        camera's clock; what is told from now on. ``run`` is the camera's unbroken stretch: nothing is concluded across
        a break."""
        if run != self._run:
            self._newest = None
        seen = self._judge(pictures)
        if run != self._run or seen != self._seen:
            self._run, self._seen, self._since_s, self._looks = run, seen, time_s, 0
        self._looks += 1
        self._newest = pictures[-1]
        lasted = self._looks >= _LEAST_LOOKS and time_s - self._since_s >= self._hold_s
        self._told = seen if lasted else "ok"
        return self._told

    def _judge(self, pictures: Sequence[Luma]) -> Picture:
        surface = _judge_surface(pictures[-1])
        if surface:
            return surface
        chain = pictures if self._newest is None else (self._newest, *pictures)
        still = len(chain) > 1 and all(_is_same(before, after) for before, after in pairwise(chain))
        return "frozen" if still else "ok"


def _is_same(before: Luma, after: Luma) -> bool:
    return before is after or np.array_equal(before, after)


def _judge_surface(luma: Luma) -> Picture | None:
    """``dark`` or ``blank`` for a picture of one level; ``None`` for one that shows something."""
    levels = np.cumsum(np.bincount(luma[::_STEP, ::_STEP].ravel(), minlength=256))
    low, middle, high = np.searchsorted(levels, levels[-1] * np.array([_CAPTIONS, 0.5, 1 - _CAPTIONS]))
    if high - low > _MOST_SPREAD:
        return None
    return "dark" if middle <= _DARKEST else "blank"

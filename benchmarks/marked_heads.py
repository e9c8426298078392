"""Heads that a person marked by eye in pictures of real clips, and how many of them something hides.

The pictures themselves are not here: ``heads.json`` names clip, time, and each head's middle and height in pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import av
import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from edge_agent.privacy.head_finder import Zones
from models.errors import NexaraError

Half = Literal["chosen", "told"]
"""What figures were chosen on, and what is told."""

# Below the first nobody is recognised; heads above the second are as large as those of cameras over a counter.
SIZES_PX = (12, 24)
# A head is hidden when so much of it is; it is taken for an ellipse three quarters as wide as it is high.
_HIDDEN = 0.8
_WIDTH = 0.75
# A film's looks before and after a picture, and somewhat more.
_AROUND_S = 0.7


class MarkedPicture(msgspec.Struct, frozen=True):
    """``clip`` is a path below the data's folder, ``time_s`` seconds since its first picture; ``heads`` are
    ``(x, y, height)`` in pixels."""

    half: Half
    clip: str
    time_s: float
    heads: tuple[tuple[int, int, int], ...]


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """``hidden`` and ``heads`` are by size: below 12 pixels, to 24, above; ``area`` is the mean share of the picture
    that is hidden, and ``picture_ms`` the processor's time for one."""

    name: str
    hidden: tuple[int, int, int]
    heads: tuple[int, int, int]
    area: float
    picture_ms: float


Moment = tuple[float, NDArray[np.uint8]]
"""Seconds from the marked picture, and a picture ``(h, w, 3) uint8 BGR``."""


def read_marks(half: Half) -> list[MarkedPicture]:
    """The pictures of one half."""
    data = Path(__file__).with_name("heads.json").read_bytes()
    return [one for one in msgspec.json.decode(data, type=list[MarkedPicture]) if one.half == half]


def read_moments(data: Path, marked: MarkedPicture) -> list[Moment]:
    """The marked picture, at 0.0, and those around it; raises ``NexaraError`` where the clip is not there."""
    path = data / marked.clip
    if not path.is_file():
        raise NexaraError(f"{path}: not there; --data must be the folder that holds {marked.clip}")
    moments: list[Moment] = []
    with av.open(str(path)) as container:
        first_s = None
        for frame in container.decode(video=0):
            time_s = frame.time or 0.0
            first_s = time_s if first_s is None else first_s
            ago_s = time_s - first_s - marked.time_s
            if ago_s > _AROUND_S:
                break
            if ago_s >= -_AROUND_S:
                moments.append((ago_s, np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)))
    nearest = min(moments, key=lambda moment: abs(moment[0]))
    return [(0.0, nearest[1]) if moment is nearest else moment for moment in moments]


def score(
    name: str, marks: Sequence[MarkedPicture], find: Callable[[MarkedPicture], tuple[Zones, tuple[int, int], float]]
) -> Score:
    """What ``find`` hides, which gives zones, the picture's ``(height, width)`` and the seconds that it took."""
    hidden, heads, areas, seconds = [0, 0, 0], [0, 0, 0], [], 0.0
    for marked in marks:
        zones, size, took_s = find(marked)
        covered = fill(zones, size)
        areas.append(float(covered.mean()))
        seconds += took_s
        for x, y, height in marked.heads:
            kind = sum(height >= least for least in (SIZES_PX[0], SIZES_PX[1] + 1))
            heads[kind] += 1
            hidden[kind] += bool(covered[_head(size, x, y, height)].mean() >= _HIDDEN)
    return Score(
        name=name,
        hidden=(hidden[0], hidden[1], hidden[2]),
        heads=(heads[0], heads[1], heads[2]),
        area=float(np.mean(areas)),
        picture_ms=1000 * seconds / len(marks),
    )


def fill(zones: Zones, size: tuple[int, int]) -> NDArray[np.uint8]:
    """1 inside of zones, ``(height, width)``."""
    covered = np.zeros(size, np.uint8)
    pixels = np.clip(zones, 0, 1) * np.array([size[1], size[0]] * 2)
    for left, top, right, bottom in pixels.tolist():
        covered[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))] = 1
    return covered


def _head(size: tuple[int, int], x: int, y: int, height: int) -> NDArray[np.bool_]:
    shape = np.zeros(size, np.uint8)
    axes = (max(1, round(height * _WIDTH / 2)), max(1, round(height / 2)))
    return np.asarray(cv2.ellipse(shape, (x, y), axes, 0, 0, 360, 1, -1) > 0)

"""FastestDet as a finder of heads: a small detector of people, run by OpenCV, which every device has.

Source: Ma, FastestDet, 2022 (BSD-3-Clause). Of all that was tried (``benchmarks/privacy.py``), it alone finds most
heads of people who fight, turn away or are far off: it looks for people, of whom cameras show more than faces.
"""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.privacy.errors import DetectorError
from edge_agent.privacy.head_finder import NOTHING, Zones, find_head_zones
from edge_agent.privacy.weights import FASTEST_DET

_SIDE, _GRID = 352, 22
# Two looks at most see a person at a border between quarters whole.
_OVERLAP = 0.2
# Chosen on one half of the marked pictures. A film has many pictures, so that each may be searched less surely.
_LEAST_SCORE = 0.25
_LEAST_SCORE_CLOSELY = 0.3
# Unsure boxes as large as the picture are mostly nobody and hide everything: one must score more by its share of it.
_LEAST_SCORE_OF_ALL = 1.0


class FastestDet:
    """Finds heads as the tops of people's boxes. Boxes are not thinned out: hiding one place twice costs nothing."""

    def __init__(self, network: cv2.dnn.Net) -> None:
        self._network = network
        self._lock = threading.Lock()

    def find(self, picture: NDArray[np.uint8], *, closely: bool) -> Zones:
        height, width = picture.shape[:2]
        looks = _quarter(height, width) if closely else [(slice(0, height), slice(0, width))]
        least = _LEAST_SCORE_CLOSELY if closely else _LEAST_SCORE
        zones = [self._look(picture, rows, columns, least) for rows, columns in looks]
        found = np.concatenate([NOTHING, *zones]) / np.array([width, height, width, height], np.float32)
        return np.asarray(found, np.float32)

    def _look(self, picture: NDArray[np.uint8], rows: slice, columns: slice, least: float) -> NDArray[np.float32]:
        """Zones in pixels of ``picture``, of which only a part is looked at."""
        part = picture[rows, columns]
        blob = cv2.dnn.blobFromImage(part, 1 / 255, (_SIDE, _SIDE))
        with self._lock:
            self._network.setInput(blob)
            answer = np.asarray(self._network.forward()[0], np.float32)
        height, width = part.shape[:2]
        share = height * width / (picture.shape[0] * picture.shape[1])
        persons = _read_persons(answer, least, share) * np.array([width, height, width, height], np.float32)
        offset = np.array([columns.start, rows.start] * 2, np.float32)
        return find_head_zones(persons) + offset


def open_fastest_det(path: Path) -> FastestDet:
    """The finder whose weights lie at ``path``, tried once; raises ``DetectorError``."""
    data = FASTEST_DET.read(path)
    try:
        finder = FastestDet(cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8)))
        finder.find(np.zeros((_SIDE, _SIDE, 3), np.uint8), closely=False)
    except (cv2.error, AttributeError, ValueError, IndexError) as error:
        raise DetectorError(
            f"{path}: this machine's OpenCV {cv2.__version__} cannot run it: {error}; install opencv-python-headless"
        ) from error
    return finder


def _quarter(height: int, width: int) -> list[tuple[slice, slice]]:
    """All of a picture, and its quarters, which overlap."""
    rows, columns = (_halve(length) for length in (height, width))
    return [(slice(0, height), slice(0, width)), *((row, column) for row in rows for column in columns)]


def _halve(length: int) -> tuple[slice, slice]:
    part = round(length / (2 - _OVERLAP))
    return slice(0, part), slice(length - part, length)


def _read_persons(answer: NDArray[np.float32], least: float, share: float) -> NDArray[np.float32]:
    """Boxes ``(N, 4)`` of people as shares of what was looked at, from ``answer`` ``(85, 22, 22)``: for each cell of a
    grid whether something is there, its box relative to that cell, and how likely it is of each class, people first.
    ``share`` of the picture was looked at."""
    present, x, y, width, height, person = answer[:6]
    score = present**0.6 * person**0.4
    half_width, half_height = (0.5 / (1 + np.exp(-one)) for one in (width, height))
    area = 4 * half_width * half_height * share
    rows, columns = np.nonzero(score >= least + _LEAST_SCORE_OF_ALL * area)
    x, y, half_width, half_height = (one[rows, columns] for one in (x, y, half_width, half_height))
    middle_x, middle_y = (columns + np.tanh(x)) / _GRID, (rows + np.tanh(y)) / _GRID
    boxes = [middle_x - half_width, middle_y - half_height, middle_x + half_width, middle_y + half_height]
    return np.stack(boxes, axis=1).astype(np.float32)

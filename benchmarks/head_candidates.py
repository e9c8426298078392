"""What else might find heads: detectors of faces and of people that come with OpenCV, and a network of poses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.privacy.fastest_det import FastestDet
from edge_agent.privacy.head_finder import NOTHING, Zones

_POSE_SIDE = 192
# Nose, eyes and ears come first among a pose's points.
_HEAD_POINTS = 5
_SURE_POINT = 0.2


class HaarFaces:
    """OpenCV's cascades for faces from the front and from either side, their boxes a third larger."""

    def __init__(self) -> None:
        folder = Path(cv2.__file__).parent / "data"
        names = ("frontalface_default", "frontalface_alt2", "profileface")
        self._cascades = [cv2.CascadeClassifier(str(folder / f"haarcascade_{name}.xml")) for name in names]

    def find(self, picture: NDArray[np.uint8]) -> Zones:
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        height, width = grey.shape
        boxes = [box for cascade in self._cascades for box in cascade.detectMultiScale(grey, 1.1, 3)]
        mirrored = self._cascades[-1].detectMultiScale(np.ascontiguousarray(grey[:, ::-1]), 1.1, 3)
        boxes += [(width - x - across, y, across, down) for x, y, across, down in mirrored]
        grown = [(x - 0.3 * w, y - 0.3 * h, x + 1.3 * w, y + 1.3 * h) for x, y, w, h in boxes]
        return _share(grown, height, width)


class HogPeople:
    """OpenCV's histograms of gradients for people who stand; the top third of each."""

    def __init__(self) -> None:
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(np.array(cv2.HOGDescriptor.getDefaultPeopleDetector(), np.float32))

    def find(self, picture: NDArray[np.uint8]) -> Zones:
        boxes, _ = self._hog.detectMultiScale(picture, winStride=(8, 8), scale=1.1)
        tops = [(x, y, x + w, y + 0.3 * h) for x, y, w, h in boxes]
        return _share(tops, picture.shape[0], picture.shape[1])


class PosedHeads:
    """MoveNet's points of the head within each top that FastestDet finds, which is kept where it is not sure."""

    def __init__(self, finder: FastestDet, path: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._finder = finder
        self._network: Any = Interpreter(str(path), num_threads=1)
        self._network.allocate_tensors()

    def find(self, picture: NDArray[np.uint8]) -> Zones:
        height, width = picture.shape[:2]
        zones = _thin(self._finder.find(picture, closely=True))
        return np.concatenate([NOTHING, *(self._narrow(picture, zone, height, width) for zone in zones)])

    def _narrow(self, picture: NDArray[np.uint8], zone: NDArray[np.float32], height: int, width: int) -> Zones:
        left, top, right, bottom = np.clip(zone, 0, 1) * [width, height, width, height]
        below = min(float(height), bottom + 2 * (bottom - top))
        part = picture[int(top) : int(below) + 1, int(left) : int(right) + 1]
        entry, exit_ = self._network.get_input_details()[0], self._network.get_output_details()[0]
        seen = cv2.cvtColor(cv2.resize(part, (_POSE_SIDE, _POSE_SIDE)), cv2.COLOR_BGR2RGB)
        self._network.set_tensor(entry["index"], seen[None].astype(entry["dtype"]))
        self._network.invoke()
        points = self._network.get_tensor(exit_["index"]).reshape(17, 3)[:_HEAD_POINTS]
        sure = points[points[:, 2] >= _SURE_POINT]
        if len(sure) < 2:  # noqa: PLR2004 one point says nothing of a size
            return zone[None]
        rows, columns = top + sure[:, 0] * part.shape[0], left + sure[:, 1] * part.shape[1]
        reach = max(float(np.ptp(columns)), float(np.ptp(rows)), 0.25 * (right - left)) * 1.2
        x, y = float(columns.mean()), float(rows.mean())
        return _share([(x - reach, y - reach, x + reach, y + reach)], height, width)


def _thin(zones: Zones) -> Zones:
    """One zone of those that nearly coincide."""
    kept: list[NDArray[np.float32]] = []
    for zone in zones:
        if not any(_overlap(zone, other) > 0.5 for other in kept):  # noqa: PLR2004 half, as is usual
            kept.append(zone)
    return np.array(kept, np.float32).reshape(-1, 4)


def _overlap(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    sides = np.maximum(0, np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]))
    shared = float(np.prod(sides))
    return shared / (float(np.prod(one[2:] - one[:2])) + float(np.prod(other[2:] - other[:2])) - shared)


def _share(boxes: Any, height: int, width: int) -> Zones:  # noqa: ANN401 numbers of any kind
    pixels = np.array(boxes, np.float32).reshape(-1, 4)
    return np.asarray(pixels / np.array([width, height, width, height]), np.float32)

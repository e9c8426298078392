"""A wall of cameras in one picture, as a recorder shows them, with the truth of every cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from scenes.errors import SceneError
from scenes.scene import Scene
from scenes.spec import SceneSpec, merge
from scenes.truth import Box, FrameTruth, Interval, PersonTruth, Picture

FEWEST, MOST = 1, 6
# Ids on a wall are the cell's number times this plus the id in the cell.
IDS_A_CELL = 100


@dataclass(frozen=True, slots=True)
class WallSpec:
    """Cameras row by row; all cells share size, frame rate, length and looping. ``border`` is in pixels.

    Raises ``SceneError`` when the cameras do not fill the grid or differ.
    """

    cells: tuple[SceneSpec, ...]
    rows: int = 2
    columns: int = 2
    border: int = 2
    labels: bool = True

    def __post_init__(self) -> None:
        for name, value in (("rows", self.rows), ("columns", self.columns)):
            if not FEWEST <= value <= MOST:
                raise SceneError(f"{name} is {value}; give a value from {FEWEST} to {MOST}")
        if not 0 <= self.border <= 64:
            raise SceneError(f"border is {self.border}; give a value from 0 to 64")
        if len(self.cells) != self.rows * self.columns:
            raise SceneError(f"{len(self.cells)} cameras for {self.rows}x{self.columns} cells; give one for each cell")
        kinds = {(cell.width, cell.height, cell.fps, cell.duration_s, cell.loop) for cell in self.cells}
        if len(kinds) > 1:
            raise SceneError("the cells differ in size, fps, duration or loop; give all of a wall the same")


class Wall:
    """Draws a ``WallSpec``; frames are asked for as from a ``Scene``."""

    def __init__(
        self, specs: Sequence[SceneSpec], rows: int = 2, columns: int = 2, *, border: int = 2, labels: bool = True
    ) -> None:
        self._spec = WallSpec(tuple(specs), rows, columns, border, labels)
        self._scenes = tuple(Scene(cell) for cell in self._spec.cells)

    @property
    def spec(self) -> WallSpec:
        return self._spec

    @property
    def scenes(self) -> tuple[Scene, ...]:
        return self._scenes

    @property
    def width(self) -> int:
        spec = self._spec
        return spec.columns * spec.cells[0].width + (spec.columns - 1) * spec.border

    @property
    def height(self) -> int:
        spec = self._spec
        return spec.rows * spec.cells[0].height + (spec.rows - 1) * spec.border

    @property
    def fps(self) -> float:
        return self._spec.cells[0].fps

    @property
    def frame_count(self) -> int:
        return self._spec.cells[0].frame_count

    @property
    def fights(self) -> tuple[Interval, ...]:
        """When there is a fight in any cell."""
        return merge(tuple(fight for scene in self._scenes for fight in scene.fights))

    @property
    def boxes(self) -> tuple[Box, ...]:
        """Where each cell lies in the picture, row by row."""
        cell, border = self._spec.cells[0], self._spec.border
        corners = [
            (column * (cell.width + border), row * (cell.height + border))
            for row in range(self._spec.rows)
            for column in range(self._spec.columns)
        ]
        return tuple((left, top, left + cell.width, top + cell.height) for left, top in corners)

    def frame(self, index: int) -> Picture:
        """Draw one frame of every camera. Raises ``SceneError`` past the end of a wall that does not loop."""
        pictures = [scene.frame(index) for scene in self._scenes]
        image = np.zeros((self.height, self.width, 3), np.uint8)
        people: list[PersonTruth] = []
        for number, (picture, box) in enumerate(zip(pictures, self.boxes, strict=True)):
            left, top, right, bottom = box
            image[top:bottom, left:right] = picture.image
            if self._spec.labels:
                _label(image, box, number + 1)
            people += [_moved(person, number, left, top) for person in picture.truth.people]
        cells = tuple(picture.truth for picture in pictures)
        truth = FrameTruth(tuple(people), any(cell.fighting for cell in cells), cells)
        return Picture(image, pictures[0].time_s, truth)

    def frames(self) -> Iterator[Picture]:
        """Draw every frame once, in order."""
        return (self.frame(index) for index in range(self.frame_count))


def _moved(person: PersonTruth, cell: int, left: int, top: int) -> PersonTruth:
    box = person.box
    moved = (box[0] + left, box[1] + top, box[2] + left, box[3] + top)
    return PersonTruth(cell * IDS_A_CELL + person.id, moved, person.activity)


def _label(image: NDArray[np.uint8], box: Box, number: int) -> None:
    size = (box[3] - box[1]) / 500
    place = (box[2] - round(60 * size), box[1] + round(30 * size) + 2)
    cv2.putText(image, str(number), place, cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), 4, cv2.LINE_8)
    cv2.putText(image, str(number), place, cv2.FONT_HERSHEY_SIMPLEX, size, (0, 230, 255), 1, cv2.LINE_8)

"""What a drawn picture shows, known exactly because it was drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Interval:
    """A half-open span of time in seconds: ``start_s <= t < end_s``."""

    start_s: float
    end_s: float

    def holds(self, time_s: float) -> bool:
        return self.start_s <= time_s < self.end_s


@dataclass(frozen=True, slots=True)
class PersonTruth:
    """One visible person; ``box`` is (left, top, right, bottom) in pixels, right and bottom exclusive."""

    id: int
    box: Box
    activity: str


@dataclass(frozen=True, slots=True)
class FrameTruth:
    """Who is visible, doing what, and whether a fight is on; a wall adds the truth of each of its cells, row by row.

    The boxes of ``cells`` are in the pixels of the cell, those of ``people`` in the pixels of the whole picture.
    """

    people: tuple[PersonTruth, ...]
    fighting: bool
    cells: tuple[FrameTruth, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """One frame: ``image`` is (H, W, 3) uint8 BGR, ``time_s`` counts from the start of the footage."""

    image: NDArray[np.uint8]
    time_s: float
    truth: FrameTruth


class Footage(Protocol):
    """Drawn footage of one camera or of a wall; ``frame`` takes any order and always gives the same bytes."""

    @property
    def width(self) -> int: ...

    @property
    def height(self) -> int: ...

    @property
    def fps(self) -> float: ...

    @property
    def frame_count(self) -> int: ...

    @property
    def fights(self) -> tuple[Interval, ...]: ...

    def frame(self, index: int) -> Picture:
        """Draw one frame. Raises ``SceneError`` past the end of footage that does not loop."""
        ...

    def frames(self) -> Iterator[Picture]:
        """Draw every frame once, in order."""
        ...

"""Walls put together of cells, with the boxes that are to be found again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np

from edge_agent.grid_finding.layout import Box
from edge_agent.sources.source import SourceOptions
from edge_agent.sources.video import VideoReader
from models.preprocessing import Luma
from scenes import open_scene

PICTURES = 16
INTERVAL_S = 0.2
SIZES = ((720, 1280), (1080, 1920), (900, 1440))
LEVELS = (0, 0, 60, 128, 255)

Parts = tuple[tuple[float, ...], tuple[float, ...], tuple[tuple[int, int, int, int], ...]]
"""Edges across and down, as shares, and the cells as left, top, right and bottom edge by number."""


@dataclass(frozen=True, slots=True)
class Wall:
    """Pictures of a wall and its cells, row by row."""

    film: list[Luma]
    boxes: tuple[Box, ...]


def _even(rows: int, columns: int) -> Parts:
    cells = tuple((column, row, column + 1, row + 1) for row in range(rows) for column in range(columns))
    return _shares(columns), _shares(rows), cells


def _shares(count: int) -> tuple[float, ...]:
    return tuple(step / count for step in range(count + 1))


def _large(count: int) -> Parts:
    """One large cell, and small ones to its right and below."""
    last = count - 1
    small = [(last, row, count, row + 1) for row in range(last)]
    small += [(column, last, column + 1, count) for column in range(count)]
    return _shares(count), _shares(count), ((0, 0, last, last), *small)


_QUARTERED = ((0, 0, 2, 2), (2, 0, 4, 2), (0, 2, 2, 4), (2, 2, 3, 3), (3, 2, 4, 3), (2, 3, 3, 4), (3, 3, 4, 4))
_EVEN = ((1, 2), (2, 2), (2, 3), (3, 3), (4, 4), (5, 5), (6, 6))
KINDS: Mapping[str, Parts] = MappingProxyType(
    {
        **{f"{rows}x{columns}": _even(rows, columns) for rows, columns in _EVEN},
        "unequal 3x2": ((0, 0.4, 1), (0, 0.35, 0.7, 1), _even(3, 2)[2]),
        "1 large, 5 small": _large(3),
        "1 large, 7 small": _large(4),
        "2x2, one of them 2x2": (_shares(4), _shares(4), _QUARTERED),
    }
)


def put_together(kind: str, border: int, rng: np.random.Generator, cell: Callable[[], list[Luma]]) -> Wall:
    """A wall of ``kind`` in a size and a colour of its borders that ``rng`` draws; ``cell`` gives each cell's film."""
    height, width = SIZES[rng.integers(len(SIZES))]
    level = LEVELS[rng.integers(len(LEVELS))]
    across, down, cells = KINDS[kind]
    columns, rows = ([round(share * (side + border)) for share in shares]
                     for shares, side in ((across, width), (down, height)))  # fmt: skip
    boxes = sorted(
        (Box(columns[left], rows[top], columns[right] - border, rows[bottom] - border)
         for left, top, right, bottom in cells),
        key=lambda box: (box.top, box.left),
    )  # fmt: skip
    film = [np.full((height, width), level, np.uint8) for _ in range(PICTURES)]
    for box in boxes:
        shown = cell()
        shape = (box.right - box.left, box.bottom - box.top)
        for number, picture in enumerate(film):
            inner = cv2.resize(shown[number % len(shown)], shape, interpolation=cv2.INTER_AREA)
            picture[box.top : box.bottom, box.left : box.right] = inner
    return Wall(film, tuple(boxes))


def draw_cell(seed: int) -> list[Luma]:
    """A drawn camera, by day or night, with its name and a clock."""
    place = ("yard", "corridor")[seed % 2]
    rate = 1 / INTERVAL_S
    scene = open_scene(f"scene:{place}?seed={seed}&size=480x270&fps={rate:g}&duration={PICTURES * INTERVAL_S:g}")
    frames = (scene.frame(number).image for number in range(PICTURES))
    return [np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), np.uint8) for frame in frames]


def read_cell(path: Path) -> list[Luma]:
    """The first pictures of a film, as far apart as they are looked at."""
    pictures: list[Luma] = []
    due_s = 0.0
    with closing(VideoReader(str(path), SourceOptions(realtime=False), lambda: 0.0)) as reader:
        while len(pictures) < PICTURES and (read := reader.read()) is not None:
            if read[0] >= due_s - 1e-3:
                pictures.append(read[1].luma())
                due_s = read[0] + INTERVAL_S
    return pictures

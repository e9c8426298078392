"""Layouts of drawn walls and of single cameras; ``python -m benchmarks.grids`` counts over many more."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.grid_finding.evidence import Gatherer
from edge_agent.grid_finding.layout import Box, Layout, find_layout
from edge_agent.grid_finding.snippet import as_grid
from scenes import open_scene
from scenes.wall import Wall

Film = list[NDArray[np.uint8]]
PICTURES = 10


def look(film: Film) -> Layout:
    gatherer = Gatherer(film[0].shape[:2])
    for picture in film:
        gatherer.add(picture)
    return find_layout(gatherer.evidence())


@cache
def scene(uri: str) -> tuple[NDArray[np.uint8], ...]:
    footage = open_scene(f"scene:{uri}&fps=5&duration={PICTURES / 5:g}")
    return tuple(cv2.cvtColor(footage.frame(index).image, cv2.COLOR_BGR2GRAY) for index in range(PICTURES))


def cell(number: int) -> tuple[NDArray[np.uint8], ...]:
    return scene(f"{('yard', 'corridor')[number % 2]}?seed={number + 40}&size=320x180")


def build(boxes: Sequence[Box], size: tuple[int, int], level: int) -> Film:
    """A wall of drawn cameras in ``boxes``, with borders of one grey level."""
    film = []
    for index in range(PICTURES):
        picture = np.full(size, level, np.uint8)
        for number, box in enumerate(boxes):
            shape = (box.right - box.left, box.bottom - box.top)
            picture[box.top : box.bottom, box.left : box.right] = cv2.resize(cell(number)[index], shape)
        film.append(picture)
    return film


def is_close(found: Sequence[Box], wanted: Sequence[Box], pixels: int = 1) -> bool:
    return len(found) == len(wanted) and all(
        max(abs(one.left - two.left), abs(one.top - two.top), abs(one.right - two.right), abs(one.bottom - two.bottom))
        <= pixels
        for one, two in zip(found, wanted, strict=True)
    )


@pytest.mark.parametrize(
    ("rows", "columns", "border", "labels"),
    [(2, 2, 0, 1), (2, 2, 8, 0), (1, 2, 2, 1), (3, 3, 1, 1), (2, 3, 4, 1), (4, 4, 0, 1), (3, 6, 2, 1)],
)
def test_cells_of_a_drawn_wall_are_found(rows: int, columns: int, border: int, labels: int) -> None:
    uri = f"wall?rows={rows}&columns={columns}&border={border}&labels={labels}&seed=3&size=200x112"
    wall = open_scene(f"scene:{uri}")
    assert isinstance(wall, Wall)
    layout = look(list(scene(uri)))
    assert is_close(layout.cells, [Box(*box) for box in wall.boxes])
    assert layout.unused == ()
    grid = as_grid(layout)
    assert grid is not None
    assert (grid.rows, grid.columns, abs(grid.border - border) <= 1) == (rows, columns, True)


BIG = [(0, 0, 2, 2), (2, 0, 3, 1), (2, 1, 3, 2), (0, 2, 1, 3), (1, 2, 2, 3), (2, 2, 3, 3)]
QUARTERED = [(0, 0, 2, 2), (2, 0, 4, 2), (0, 2, 2, 4), (2, 2, 3, 3), (3, 2, 4, 3), (2, 3, 3, 4), (3, 3, 4, 4)]


@pytest.mark.parametrize(("parts", "cells"), [(3, BIG), (4, QUARTERED)], ids=["1+5", "3+4"])
@pytest.mark.parametrize(("border", "level"), [(4, 0), (2, 255), (8, 128)])
def test_large_cell_beside_small_ones_is_found(
    parts: int, cells: list[tuple[int, int, int, int]], border: int, level: int
) -> None:
    height, width = 720, 1280
    across, down = ([round(step * (side + border) / parts) for step in range(parts + 1)] for side in (width, height))
    drawn = [
        Box(across[left], down[top], across[right] - border, down[bottom] - border)
        for left, top, right, bottom in cells
    ]
    boxes = sorted(drawn, key=lambda box: (box.top, box.left))
    layout = look(build(boxes, (height, width), level))
    assert is_close(layout.cells, boxes, pixels=3)
    assert as_grid(layout) is None


def test_unequal_rows_and_columns_are_found() -> None:
    boxes = [Box(left, top, right, bottom) for top, bottom in ((0, 250), (254, 720))
             for left, right in ((0, 400), (404, 1280))]  # fmt: skip
    layout = look(build(boxes, (720, 1280), 90))
    assert is_close(layout.cells, boxes)
    assert as_grid(layout) is None


def test_cell_without_a_picture_is_told_as_unused() -> None:
    boxes = [Box(left, top, left + 318, top + 178) for top in (0, 180, 360) for left in (0, 320, 640)]
    layout = look(build(boxes[:8], (538, 958), 0))
    assert len(layout.cells) == 8
    assert len(layout.unused) == 1
    assert abs(layout.unused[0].left - 640) <= 3


@pytest.mark.parametrize(
    "uri", [f"{place}?seed={seed}&size=640x360" for place in ("yard", "corridor") for seed in (1, 2, 3)]
)
@pytest.mark.parametrize("bar", [0, 60])
def test_no_grid_is_found_in_one_cameras_picture_with_or_without_black_bars(uri: str, bar: int) -> None:
    film = [cv2.copyMakeBorder(picture, bar, bar, 0, 0, cv2.BORDER_CONSTANT, value=0) for picture in scene(uri)]
    assert look(film).cells == ()


def test_no_grid_is_found_where_nothing_is_shown() -> None:
    assert look([np.zeros((360, 640), np.uint8)] * 5).cells == ()
    assert look([np.random.default_rng(1).integers(0, 256, (360, 640), dtype=np.uint8)] * 5).cells == ()

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.grid_walls import KINDS, draw_cell, put_together, read_cell
from benchmarks.grids import Result, count_walls, describe, is_right, look, shared
from edge_agent.grid_finding.layout import Box, Layout
from tests.edge_agent.films import SIZE, write_film


def test_boxes_share_what_lies_in_both() -> None:
    assert shared(Box(0, 0, 10, 10), Box(0, 0, 10, 10)) == 1
    assert shared(Box(0, 0, 10, 10), Box(5, 0, 15, 10)) == pytest.approx(50 / 150)
    assert shared(Box(0, 0, 10, 10), Box(20, 0, 30, 10)) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_cells_of_a_wall_stand_where_its_boxes_say(kind: str) -> None:
    level = iter(range(10, 255, 6))
    wall = put_together(kind, 4, np.random.default_rng(2), lambda: [np.full((9, 16), next(level), np.uint8)])
    height, width = wall.film[0].shape
    levels = [np.unique(wall.film[0][box.top : box.bottom, box.left : box.right]) for box in wall.boxes]
    assert [len(one) for one in levels] == [1] * len(KINDS[kind][2])
    assert len(set(map(int, np.concatenate(levels)))) == len(wall.boxes)
    assert max(box.right for box in wall.boxes) == width
    assert max(box.bottom for box in wall.boxes) == height
    assert is_right(Layout((height, width), wall.boxes), wall)
    assert not is_right(Layout((height, width), wall.boxes[1:]), wall)


def test_walls_are_counted_in_each_condition() -> None:
    counts = list(count_walls("2x2", "scenes", 1, [], np.random.default_rng(1)))
    assert [(one.condition, one.walls) for one in counts] == [("clean", 5), ("recorded", 5)]
    assert all(0 <= one.right + one.missed <= one.walls for one in counts)
    assert counts[0].right >= 4
    lines = list(describe(Result(counts=tuple(counts), singles=3, false=("a.mp4",))))
    assert lines[-1] == "single cameras taken for a wall: 1 of 3: a.mp4"


def test_single_film_is_read_as_far_apart_as_it_is_looked_at(tmp_path: Path) -> None:
    film = read_cell(write_film(tmp_path / "a.mp4", [40] * 40, fps=20))
    assert len(film) == 10
    assert film[0].shape == SIZE
    assert look(film).cells == ()
    assert len(draw_cell(4)) == 16

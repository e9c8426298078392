from __future__ import annotations

import pytest

from edge_agent.grid import Grid, parse_grid
from edge_agent.region import WHOLE, Region
from scenes.spec import SceneSpec
from scenes.wall import Wall


@pytest.mark.parametrize(("rows", "columns", "border"), [(2, 2, 0), (2, 3, 1), (3, 1, 2), (4, 5, 3), (6, 6, 8)])
def test_grid_lies_where_a_wall_is_drawn(rows: int, columns: int, border: int) -> None:
    specs = [SceneSpec(seed, width=96, height=64, duration_s=1) for seed in range(rows * columns)]
    wall = Wall(specs, rows, columns, border=border)
    found = []
    for region in parse_grid(f"{rows}x{columns}", border).regions:
        down, across = region.slices((wall.height, wall.width))
        found.append((across.start, down.start, across.stop, down.stop))
    assert tuple(found) == wall.boxes


@pytest.mark.parametrize(("height", "width"), [(1080, 1920), (719, 1281), (97, 131), (3, 5)])
@pytest.mark.parametrize("border", [0, 3])
def test_cells_of_a_grid_share_no_pixel_and_are_never_empty(height: int, width: int, border: int) -> None:
    taken: set[tuple[int, int]] = set()
    for region in Grid(3, 4, border).regions:
        rows, columns = region.slices((height, width))
        assert 0 <= rows.start < rows.stop <= height
        assert 0 <= columns.start < columns.stop <= width
        corners = {(y, x) for y in (rows.start, rows.stop - 1) for x in (columns.start, columns.stop - 1)}
        if height > 12:
            assert not corners & taken
        taken |= corners


def test_shares_mean_the_same_part_in_every_resolution() -> None:
    region = Region(0.25, 0.5, 0.75, 1.0)
    assert region.slices((720, 1280)) == (slice(360, 720), slice(320, 960))
    assert region.slices((1080, 1920)) == (slice(540, 1080), slice(480, 1440))
    assert WHOLE.slices((7, 9)) == (slice(0, 7), slice(0, 9))


@pytest.mark.parametrize("text", ["1x1", "9x2", "0x2", "2", "2x3x4", "2X3", " 2x3"])
def test_grid_is_refused_when_it_is_written_otherwise(text: str) -> None:
    with pytest.raises(ValueError, match="from 1x2 to 8x8"):
        parse_grid(text)

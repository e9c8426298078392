"""What was found, as it is written into ``edge.toml``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

from edge_agent.grid import Grid
from edge_agent.grid_finding.layout import Box, Layout
from edge_agent.region import Region

_DIGITS = 5


def write_snippet(layout: Layout, wall: str, source: str, password: str | None) -> str:
    """The ``[[camera]]`` of a wall with its cells, ready for ``edge.toml``; ``password`` is a reference."""
    return "\n".join([*_lines(layout, wall, source, password), ""])


def as_grid(layout: Layout) -> Grid | None:
    """The even grid whose cells are those of ``layout`` within a pixel, if there is one."""
    columns = sum(abs(box.top - layout.cells[0].top) <= 1 for box in layout.cells)
    rows = len(layout.cells) // columns
    if layout.unused or rows * columns != len(layout.cells):
        return None
    first, second = layout.cells[:2]
    border = second.left - first.right if columns > 1 else second.top - first.bottom
    grid = Grid(rows, columns, max(0, border))
    return grid if all(map(partial(_is_same, layout.size), grid.regions, layout.cells)) else None


def _is_same(size: tuple[int, int], region: Region, box: Box) -> bool:
    rows, columns = region.slices(size)
    edges = (columns.start - box.left, rows.start - box.top, columns.stop - box.right, rows.stop - box.bottom)
    return all(abs(edge) <= 1 for edge in edges)


def _lines(layout: Layout, wall: str, source: str, password: str | None) -> Iterator[str]:
    height, width = layout.size
    yield f"# {len(layout.cells)} cells found in a picture of {width}x{height}. Look at the picture with their numbers,"
    yield "# give each an id that people know, and leave out those that nobody needs."
    grid = as_grid(layout)
    if grid is not None:
        yield "# They are even: in the place of all [[camera.cell]] tables these lines would say the same."
        yield f'#   grid = "{grid.rows}x{grid.columns}"'
        yield from [f"#   border = {grid.border}"] if grid.border else []
    yield "[[camera]]"
    yield f"id = {json.dumps(wall)}"
    yield f"source = {json.dumps(source, ensure_ascii=False)}"
    if password is not None:
        yield f"password = {json.dumps(password, ensure_ascii=False)}"
    for number, box in enumerate(layout.cells, start=1):
        yield ""
        yield "[[camera.cell]]"
        yield f'id = "{wall}-{number}"'
        yield f"box = {_shares(box, layout.size)}  # {box.right - box.left}x{box.bottom - box.top} pixels"
    for box in layout.unused:
        yield ""
        yield f"# Nothing is shown in the cell at {_shares(box, layout.size)}; add it once a camera is there."


def _shares(box: Box, size: tuple[int, int]) -> str:
    height, width = size
    edges = (box.left / width, box.top / height, box.right / width, box.bottom / height)
    return f"[{', '.join(f'{edge:.{_DIGITS}f}' for edge in edges)}]"

"""The views of a ``[[camera]]``: one of all of its picture, or the cells of a wall."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edge_agent.config.locator import KeyPath
from edge_agent.config.settings import Camera, Watched
from edge_agent.delivery.topics import NAME_PATTERN
from edge_agent.grid import GRID_PATTERN, Grid, parse_grid
from edge_agent.region import WHOLE, Region

Fault = tuple[KeyPath, str]


@dataclass(frozen=True, slots=True)
class ConfiguredView:
    """One view: its id, its part of the picture, and the tables that may say how it is watched, nearest first. ``path``
    leads to the nearest, below the camera."""

    id: str
    region: Region
    tables: tuple[Watched, ...]
    path: KeyPath = ()


def list_views(camera: Camera) -> tuple[ConfiguredView, ...]:
    """The views of a valid camera: its cells, or one of all of its picture."""
    return list_cells(camera) or (ConfiguredView(camera.id, WHOLE, (camera,)),)


def list_cells(camera: Camera) -> tuple[ConfiguredView, ...]:
    """The cells of a valid camera, as they stand there or, in a grid, row by row; none where it is no wall."""
    if camera.grid is not None:
        grid = parse_grid(camera.grid, camera.border)
        return tuple(
            ConfiguredView(name, region, (camera,))
            for name, region in zip(grid.names(camera.id), grid.regions, strict=True)
        )
    return tuple(
        ConfiguredView(cell.id, Region(*cell.box), (cell, camera), ("cell", number))
        for number, cell in enumerate(camera.cell)
    )


def find_wall_faults(cameras: list[Any]) -> Iterator[Fault]:
    """What is wrong with ids and cells among ``cameras`` (raw TOML); malformed keys are told elsewhere."""
    named = [pair for index, camera in enumerate(cameras) for pair in _list_ids(camera, ("camera", index))]
    uses = Counter(name for _, name in named)
    for path, name in named:
        if uses[name] > 1:
            yield path, f"found {name!r} {uses[name]} times; each camera needs an id of its own"
    for index, camera in enumerate(cameras):
        if isinstance(camera, dict):
            yield from _check_grid(camera, ("camera", index))
            yield from _check_cells(camera.get("cell"), ("camera", index, "cell"))


def _list_ids(camera: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:  # noqa: ANN401 raw TOML
    """Every id that a camera takes, with the key that gives it."""
    name = camera.get("id") if isinstance(camera, dict) else None
    if isinstance(name, str):
        yield (*path, "id"), name
        grid = _grid(camera)
        yield from (((*path, "grid"), cell) for cell in (grid.names(name) if grid else ()))
    for number, cell in _tables(camera.get("cell")) if isinstance(camera, dict) else ():
        if isinstance(cell.get("id"), str):
            yield (*path, "cell", number, "id"), cell["id"]


def _check_grid(camera: Mapping[str, Any], path: KeyPath) -> Iterator[Fault]:
    if "grid" in camera and "cell" in camera:
        yield (*path, "cell"), "found cells beside a grid; give the grid, or each cell with its box, not both"
    if "border" in camera and "grid" not in camera:
        yield (*path, "border"), "found a border without a grid; add grid, or leave the border out of the cells' boxes"
    for key in ("zones", "masks"):
        if key in camera and ("grid" in camera or "cell" in camera):
            yield (
                (*path, key),
                f"found {key} of a wall; give each [[camera.cell]] those of its own picture",
            )
    grid, name = _grid(camera), camera.get("id")
    if grid and isinstance(name, str) and re.search(NAME_PATTERN, name):
        longest = grid.names(name)[-1]
        if not re.search(NAME_PATTERN, longest):
            yield (*path, "id"), f"its last cell would be {longest!r}, which is too long for an id; shorten the wall's"


def _check_cells(cells: Any, path: KeyPath) -> Iterator[Fault]:  # noqa: ANN401 raw TOML
    seen: dict[tuple[float, ...], int] = {}
    for number, cell in _tables(cells):
        box = cell.get("box")
        if not isinstance(box, list) or [type(edge) in (int, float) for edge in box] != [True] * 4:
            continue
        left, top, right, bottom = box
        if not (left < right and top < bottom):
            text = f"found {box}: its right edge must lie right of its left one, and its bottom below its top"
            yield (*path, number, "box"), f"{text}; the order is left, top, right, bottom"
        first = seen.setdefault(tuple(box), number)
        if first != number:
            yield (*path, number, "box"), f"found the box of cell[{first}] again; give each cell a part of its own"


def _grid(camera: Mapping[str, Any]) -> Grid | None:
    text = camera.get("grid")
    return parse_grid(text) if isinstance(text, str) and re.match(GRID_PATTERN, text) else None


def _tables(value: Any) -> list[tuple[int, dict[str, Any]]]:  # noqa: ANN401 raw TOML
    return [(place, one) for place, one in enumerate(value) if isinstance(one, dict)] if isinstance(value, list) else []

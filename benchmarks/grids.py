"""How many walls are found as they are, and whether one camera's picture is ever taken for a wall.

Walls are put together of drawn scenes and, with ``--data``, of real clips: even grids from 1x2 to 6x6, unequal rows and
columns, one large cell beside five or seven small ones, and a 2x2 of which one cell is four; borders of 0 to 8 pixels
in black, grey or white, clocks and names in the cells. Each is looked at as it is and as a screen recorder leaves it
(H.264, 12 pictures a second, a rate factor of 32). A wall is *right* when it has as many cells as were put in, in
their order, and each shares 95 % of the area of both with its own. Single cameras are all clips of ``--data`` and
``--footage``; each layout found there is false.

Usage: ``python -m benchmarks.grids [--data DIR] [--footage DIR]``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import msgspec
import numpy as np

from benchmarks.films import find_footage
from benchmarks.grid_walls import KINDS, Wall, draw_cell, put_together, read_cell
from benchmarks.outcome import machine_line, run, tell, write_json
from builder.data.clips import find_clips
from builder.data.degradation.compression import compress
from edge_agent.grid_finding.evidence import Gatherer
from edge_agent.grid_finding.layout import Box, Layout, find_layout
from models.preprocessing import Luma
from runtimes.bench.table import table_lines

SHARED = 0.95
_SEED = 20_261_126
_RATE_HZ, _CRF = 12.0, 32.0
BORDERS = (0, 1, 2, 4, 8)
CONDITIONS = ("clean", "recorded")


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """Walls of one kind, made of one sort of ``cells`` in one condition: of ``walls``, so many were ``right``, and so
    many were taken for one camera (``missed``)."""

    kind: str
    cells: str
    condition: str
    walls: int
    right: int
    missed: int

    @property
    def wrong(self) -> int:
        """Walls of which other cells were found than they have."""
        return self.walls - self.right - self.missed


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All that the benchmark found; ``false`` are the single cameras that were taken for walls."""

    counts: tuple[Count, ...]
    singles: int
    false: tuple[str, ...]


def main(argv: list[str]) -> int:
    """Count the walls that are found as they are, and single cameras that are taken for walls."""
    arguments = _parser().parse_args(argv)
    cv2.setNumThreads(1)
    clips = [clip.path for clip in find_clips(arguments.data).clips] if arguments.data else []
    singles = [*clips, *(film.path for film in find_footage(arguments.footage))] if arguments.footage else clips
    rng = np.random.default_rng(_SEED)
    counts: list[Count] = []
    for kind in KINDS:
        counts += count_walls(kind, "scenes", arguments.walls, [], rng)
        counts += count_walls(kind, "clips", arguments.walls, clips, rng) if clips else []
        tell(f"{one.kind} of {one.cells}, {one.condition}: {one.right} of {one.walls}" for one in counts[-2:])
    films = ((path, read_cell(path)) for path in singles)
    false = tuple(path.name for path, film in films if len(film) > 1 and look(film).cells)
    result = Result(counts=tuple(counts), singles=len(singles), false=false)
    tell(describe(result))
    write_json(arguments.json, result)
    return 0


def count_walls(kind: str, cells: str, walls: int, clips: Sequence[Path], rng: np.random.Generator) -> Iterator[Count]:
    """Look at ``walls`` walls of a kind for each width of border, of drawn scenes or of ``clips``."""
    found: dict[str, list[tuple[bool, bool]]] = {condition: [] for condition in CONDITIONS}
    for border in BORDERS * walls:
        wall = put_together(kind, border, rng, lambda: _cell(clips, rng))
        for condition, film in (("clean", wall.film), ("recorded", list(compress(wall.film, _RATE_HZ, _CRF)))):
            layout = look(film)
            found[condition].append((is_right(layout, wall), not layout.cells))
    for condition, outcomes in found.items():
        right, missed = (sum(column) for column in zip(*outcomes, strict=True))
        yield Count(kind=kind, cells=cells, condition=condition, walls=len(outcomes), right=right, missed=missed)


def look(film: Sequence[Luma]) -> Layout:
    """The layout of a film, as ``nexara-edge find-grid`` finds it."""
    gatherer = Gatherer((film[0].shape[0], film[0].shape[1]))
    for picture in film:
        gatherer.add(picture)
    return find_layout(gatherer.evidence())


def is_right(layout: Layout, wall: Wall) -> bool:
    """Whether the cells that were found are those that were put in."""
    pairs = zip(layout.cells, wall.boxes, strict=False)
    return len(layout.cells) == len(wall.boxes) and all(shared(one, other) >= SHARED for one, other in pairs)


def shared(one: Box, other: Box) -> float:
    """The area that two boxes share, of the area that they cover together."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    both = max(0, width) * max(0, height)
    areas = [(box.right - box.left) * (box.bottom - box.top) for box in (one, other)]
    return both / (sum(areas) - both)


def describe(result: Result) -> Iterator[str]:
    """The lines that the benchmark prints."""
    yield ""
    yield machine_line()
    yield ""
    rows = [
        (one.kind, one.cells, one.condition, *map(str, (one.walls, one.right, one.missed, one.wrong)))
        for one in result.counts
    ]
    yield from table_lines(
        ("layout", "cells", "condition", "walls", "right", "taken for one camera", "other cells"), rows
    )
    yield ""
    told = f": {', '.join(result.false)}" if result.false else ""
    yield f"single cameras taken for a wall: {len(result.false)} of {result.singles}{told}"


def _cell(clips: Sequence[Path], rng: np.random.Generator) -> list[Luma]:
    return read_cell(clips[int(rng.integers(len(clips)))]) if clips else draw_cell(int(rng.integers(1_000_000)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.grids", description=main.__doc__)
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of real clips")
    parser.add_argument("--footage", type=Path, metavar="DIR", help="folder of ordinary footage")
    parser.add_argument(
        "--walls", type=int, default=1, help="walls of each layout, border and sort of cell (default 1)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    return parser


if __name__ == "__main__":
    run(main)

"""The cells that a picture consists of: first the seams that cross it all, then those within its parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from edge_agent.grid_finding.evidence import Evidence
from edge_agent.grid_finding.seams import place_seam, profile
from edge_agent.grid_finding.spacing import MOST, Line, divide, divide_evenly, is_even

_SMALLEST_PX = 48
# Seams of one direction alone are easily a door, a pole or the frame of a player's window, and so are those in a cell.
_ALONE = 0.85
_WITHIN = 0.5
_SAME_SHAPE = 1.34
_DEEPEST = 2
# Mean square change in grey levels, and their standard deviation over an area, below which nothing is shown there.
_STILL, _PLAIN = 0.02, 6.0
_RIPPLE = 0.25


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a picture in pixels; ``right`` and ``bottom`` are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def shape(self) -> float:
        """Width by height."""
        return (self.right - self.left) / (self.bottom - self.top)


@dataclass(frozen=True, slots=True)
class Layout:
    """The cells of a picture of ``size`` (height, width), row by row; none when it is of one camera. In those that are
    ``unused`` nothing is shown."""

    size: tuple[int, int]
    cells: tuple[Box, ...] = ()
    unused: tuple[Box, ...] = ()


def find_layout(evidence: Evidence) -> Layout:
    """The cells that ``evidence`` speaks for."""
    height, width = evidence.size
    whole = _trim(evidence, Box(0, 0, width, height))
    boxes = _in_order(_split(evidence, whole, whole.shape, 0), height)
    if sum(not _is_still(evidence, box) for box in boxes) <= 1 or not _is_plausible(boxes, whole):
        return Layout(evidence.size)
    unused = tuple(box for box in boxes if _is_empty(evidence, box))
    return Layout(evidence.size, tuple(box for box in boxes if box not in unused), unused)


def _split(evidence: Evidence, box: Box, shape: float, depth: int, *, strips: bool = True) -> list[Box]:
    """The cells of ``box``. ``shape`` is that of the whole picture; ``strips`` says whether seams of one direction may
    divide a part that is long and narrow beside it."""
    part = _part(evidence, box)
    across, down = profile(part), profile(part.turned())
    columns, rows = (divide(across), divide(down)) if depth == 0 else (divide_evenly(across), divide_evenly(down))
    if depth == 0:
        columns, rows = _believe(columns, rows)
    else:
        columns, rows = _believe_within(columns, rows, box.shape / shape, strips=strips)
    if not (columns or rows):
        return [box]
    cells = _cut(part, columns, rows, box)
    if min(min(cell.right - cell.left, cell.bottom - cell.top) for cell in cells) < _SMALLEST_PX:
        return [box]
    if depth == _DEEPEST:
        return cells
    uneven = not (is_even(columns) and is_even(rows))
    return [inner for cell in cells for inner in _split(evidence, cell, shape, depth + 1, strips=uneven)]


Lines = tuple[Line, ...]


def _believe(columns: Lines, rows: Lines) -> tuple[Lines, Lines]:
    """What to believe of lines that cross the whole picture."""
    if columns and rows:
        return columns, rows
    columns, rows = (lines if _mean(lines) >= _ALONE else () for lines in (columns, rows))
    return columns, rows


def _believe_within(columns: Lines, rows: Lines, shape: float, *, strips: bool) -> tuple[Lines, Lines]:
    """What to believe of lines within a part whose shape is ``shape`` times that of the picture: that it is a small
    grid of its own, or a strip of cells which then have the picture's shape."""
    if len(columns) == len(rows):
        return (columns, rows) if min(_mean(columns), _mean(rows)) >= _WITHIN else ((), ())
    if strips and not rows and 1 / _SAME_SHAPE < shape / (len(columns) + 1) < _SAME_SHAPE:
        return columns, ()
    if strips and not columns and 1 / _SAME_SHAPE < shape * (len(rows) + 1) < _SAME_SHAPE:
        return (), rows
    return (), ()


def _is_plausible(boxes: Sequence[Box], whole: Box) -> bool:
    """Whether cells that make no whole rows and columns, or strips of unequal width, at least have the picture's shape:
    recorders show each camera in its own, while the frame of a player's window or a caption knows no such rule."""
    rows, columns = len({box.top for box in boxes}), len({box.left for box in boxes})
    sides = [box.right - box.left if rows == 1 else box.bottom - box.top for box in boxes]
    strips = min(rows, columns) == 1
    if rows * columns == len(boxes) and not (strips and max(sides) > _SAME_SHAPE * min(sides)):
        return True
    return all(1 / _SAME_SHAPE < box.shape / whole.shape < _SAME_SHAPE for box in boxes)


def _mean(lines: Lines) -> float:
    return float(np.mean([line.score for line in lines])) if lines else 0.0


def _cut(part: Evidence, columns: Lines, rows: Lines, box: Box) -> list[Box]:
    """The cells of ``box``, whose evidence is ``part``, between its seams, borders left out."""
    spans = []
    for evidence, lines, start in ((part, columns, box.left), (part.turned(), rows, box.top)):
        seams = [place_seam(evidence, line.place) for line in lines]
        edges = [0, *(edge for seam in seams for edge in (seam.start, seam.stop)), evidence.size[1]]
        spans.append([(start + low, start + high) for low, high in zip(edges[::2], edges[1::2], strict=True)])
    return [Box(left, top, right, bottom) for top, bottom in spans[1] for left, right in spans[0]]


def _trim(evidence: Evidence, box: Box) -> Box:
    """The box without what stands around the cells: black bars, and the still frame of a player's window."""
    left, right = _trim_sides(_part(evidence, box))
    box = Box(box.left + left, box.top, box.left + right, box.bottom)
    top, bottom = _trim_sides(_part(evidence, box).turned())
    return Box(box.left, box.top + top, box.right, box.top + bottom)


def _trim_sides(evidence: Evidence) -> tuple[int, int]:
    """Where the part that shows something begins and ends, from left to right."""
    width = evidence.size[1]
    energy = evidence.energy.mean(axis=0)
    still = energy < _STILL
    # Compression has what moves in the cells ripple into a bar beside them.
    plain = (energy < max(_STILL, _RIPPLE * float(np.median(energy)))) & (evidence.mean.std(axis=0) < _PLAIN)
    narrow = width // (MOST + 1)
    ends = []
    for stopped, empty in ((still, plain), (still[::-1], plain[::-1])):
        bar = int(np.argmin(np.append(empty, False)))
        frame = int(np.argmin(np.append(stopped, False)))
        ends.append(max(bar, frame if frame < narrow else 0))
    left, right = ends[0], width - ends[1]
    return (left, right) if right - left >= _SMALLEST_PX else (0, width)


def _in_order(boxes: Sequence[Box], height: int) -> list[Box]:
    """Row by row; tops that differ by a few pixels are of one row."""
    tops = sorted({box.top for box in boxes})
    row = 0
    rows = {tops[0]: 0}
    for before, top in pairwise(tops):
        row += top - before > height / 50
        rows[top] = row
    return sorted(boxes, key=lambda box: (rows[box.top], box.left))


def _part(evidence: Evidence, box: Box) -> Evidence:
    return evidence.part(slice(box.top, box.bottom), slice(box.left, box.right))


def _is_still(evidence: Evidence, box: Box) -> bool:
    return float(_part(evidence, box).energy.mean()) < _STILL


def _is_empty(evidence: Evidence, box: Box) -> bool:
    return _is_still(evidence, box) and float(_part(evidence, box).mean.std()) < _PLAIN

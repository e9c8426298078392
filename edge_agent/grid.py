"""An even grid of cells, as most recorders show their cameras."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge_agent.region import Region

GRID_PATTERN = r"^(?!1x1$)[1-8]x[1-8]$"
"""Rows x columns as it is written: ``2x3``. One cell alone is no grid."""


@dataclass(frozen=True, slots=True)
class Grid:
    """``rows`` of ``columns`` cells of one size, ``border`` pixels between any two and none around them all."""

    rows: int
    columns: int
    border: int = 0

    @property
    def regions(self) -> tuple[Region, ...]:
        """The cells, row by row."""
        return tuple(
            Region(
                left=column / self.columns,
                top=row / self.rows,
                right=(column + 1) / self.columns,
                bottom=(row + 1) / self.rows,
                border=self.border,
            )
            for row in range(self.rows)
            for column in range(self.columns)
        )

    def names(self, wall: str) -> tuple[str, ...]:
        """The cells' ids, row by row: ``wall-1``, ``wall-2`` and so on."""
        return tuple(f"{wall}-{number}" for number in range(1, self.rows * self.columns + 1))


def parse_grid(text: str, border: int = 0) -> Grid:
    """Read ``2x3``; raises ``ValueError`` for what does not match ``GRID_PATTERN``."""
    if re.match(GRID_PATTERN, text) is None:
        raise ValueError(f"{text!r} is no grid; write rows x columns, from 1x2 to 8x8, such as 2x3")
    rows, columns = map(int, text.split("x"))
    return Grid(rows, columns, border)

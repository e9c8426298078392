"""Tables as Markdown, so that a terminal shows them and a page takes them as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def table_lines(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A Markdown table, its columns aligned for a terminal too; every row is as long as ``header``."""
    everything = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(row[column]) for row in everything) for column in range(len(header))]
    yield _line(everything[0], widths)
    yield "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    for row in everything[1:]:
        yield _line(row, widths)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

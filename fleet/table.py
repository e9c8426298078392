"""Tables for a terminal, of words that came from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_LONGEST = 120


def plain(text: str) -> str:
    """``text`` on one line and of bounded length, without what could steer a terminal: devices wrote parts of it.

    >>> plain("a\\x1b[2Jb")
    'a?[2Jb'
    """
    shown = "".join(character if character.isprintable() else "?" for character in text[: _LONGEST + 1])
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"


def table_text(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Aligned lines; every row is as long as ``header``."""
    everything = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(row[column]) for row in everything) for column in range(len(header))]
    for row in everything:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()

"""Tables of figures for a terminal, and for Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from models.manifest import Interval


def align(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows of the same length as lines whose columns stand under each other."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def markdown(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The same as a Markdown table; the first row is its head."""
    head, *body = [[cell.replace("|", r"\|") for cell in row] for row in rows]
    for row in (head, ["---"] * len(head), *body):
        yield f"| {' | '.join(row)} |"


def percent(interval: Interval | None, *, signed: bool = False) -> str:
    """A share with its interval, in per cent."""
    if interval is None:
        return "n/a"
    sign = "+" if signed else ""
    low, high = (f"{100 * end:{sign}.1f}" for end in (interval.low, interval.high))
    return f"{100 * interval.value:{sign}.1f} % [{low}, {high}]"


def decimal(interval: Interval | None, *, signed: bool = False) -> str:
    """A figure with its interval, to three places."""
    if interval is None:
        return "n/a"
    sign = "+" if signed else ""
    return f"{interval.value:{sign}.3f} [{interval.low:{sign}.3f}, {interval.high:{sign}.3f}]"


def share(value: Interval | float | None) -> str:
    """A share in per cent, without its interval."""
    if isinstance(value, Interval):
        value = value.value
    return "n/a" if value is None else f"{100 * value:.1f} %"

"""The list as a live terminal view. It needs the ``fleet`` extra."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from fleet.overview.row import Row
from fleet.overview.wording import HEADINGS, cells

_AROUND = 4
_NOT_A_FIGURE = 7


class LiveView:
    """A context manager: takes over the terminal while open, and gives it back as it was."""

    def __init__(self, console: Console, title: str) -> None:
        self._title = title
        self._console = console
        self._live = Live(console=console, screen=True, auto_refresh=False)

    def __enter__(self) -> LiveView:  # noqa: PYI034 - Self needs Python 3.11
        self._live.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.__exit__(None, None, None)

    @property
    def room(self) -> int:
        """How many rows can be seen."""
        return max(1, self._console.height - _AROUND)

    def show(self, rows: Sequence[Row], summary: str, now: datetime, note: str = "") -> None:
        """Draw the first of all rows; ``note`` says why they are not new."""
        self._live.update(draw(self._title, rows, summary, now, note), refresh=True)


def draw(title: str, rows: Sequence[Row], summary: str, now: datetime, note: str = "") -> RenderableType:
    """The whole view."""
    heading = Text(f"{title}  ", style="bold")
    heading.append(note or "Ctrl-C ends", style="magenta" if note else "dim")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    last = len(HEADINGS) - 1
    for index, name in enumerate(HEADINGS):
        table.add_column(name, justify="right" if _NOT_A_FIGURE <= index < last else "left", no_wrap=True)
    for row in rows:
        # As text: a device's words are not to be taken for markup.
        table.add_row(*map(Text, cells(row, now)), style=_mood(row))
    return Group(heading, Text(summary), table)


def _mood(row: Row) -> str:
    if row.state != "online":
        return "red"
    return "yellow" if row.trouble else "green"

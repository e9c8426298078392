"""A picture as a live terminal view. It needs the ``top`` extra."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from edge_agent.top.picture import CameraRow, Picture
from edge_agent.top.wording import HEADINGS, cells, facts

_FIRST_FIGURE = 3


class LiveView:
    """A context manager: takes over the terminal while open, and gives it back as it was."""

    def __init__(self, console: Console, title: str) -> None:
        self._title = title
        self._live = Live(console=console, screen=True, auto_refresh=False)

    def __enter__(self) -> LiveView:  # noqa: PYI034 - Self needs Python 3.11
        self._live.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.__exit__(None, None, None)

    def show(self, picture: Picture, note: str = "") -> None:
        """Draw ``picture``; ``note`` says why it is not new."""
        self._live.update(draw(self._title, picture, note), refresh=True)


def draw(title: str, picture: Picture, note: str = "") -> RenderableType:
    """The whole view."""
    heading = Text(f"{title}  ", style="bold")
    heading.append(note or "Ctrl-C ends", style="magenta" if note else "dim")
    cameras = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for index, name in enumerate(HEADINGS):
        cameras.add_column(name, justify="right" if index >= _FIRST_FIGURE else "left", no_wrap=True)
    for row in picture.cameras:
        cameras.add_row(*cells(row), style=_mood(row))
    box = Table.grid(padding=(0, 2, 0, 0))
    for name, text in facts(picture):
        box.add_row(Text(name, style="dim"), text)
    return Group(heading, Text(), cameras, Text(), box)


def _mood(row: CameraRow) -> str:
    if row.connection != "connected":
        return "bright_black"
    return "yellow" if row.mode == "alert" else "green"

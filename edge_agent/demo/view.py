"""The demo as a live terminal view: four cameras and the MQTT messages as they arrive."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from edge_agent.demo.news import News
from edge_agent.demo.picture import Picture
from edge_agent.demo.site import DemoCamera
from edge_agent.demo.stopwatch import Stopwatch
from edge_agent.demo.wording import summary
from edge_agent.observation import Observation
from models.manifest import Thresholds

THUMBNAIL_SIDE = 96
_FACTS_COLUMNS = 18
_BAR_COLUMNS = 12
_FEWEST_MESSAGES = 5
_FEWEST_ROWS = 4
_FRAME = 2
_EIGHTHS = " ▏▎▍▌▋▊▉█"


class Space(NamedTuple):
    """How a terminal is shared out: cells of one picture, and lines of messages."""

    columns: int
    rows: int
    messages: int


def share_out(width: int, height: int) -> Space:
    """Pictures as large as the terminal allows at 16:9 beside their facts, after a few lines of messages."""
    for_cameras = height - 1 - (_FEWEST_MESSAGES + _FRAME)
    tallest = for_cameras // 2 - _FRAME
    widest = max(0, width // 2 - 2 * _FRAME - 1 - _FACTS_COLUMNS)
    # A cell shows two square pixels, one above the other.
    rows = max(_FEWEST_ROWS, min(tallest, widest * 9 // 32))
    messages = height - 1 - 2 * (rows + _FRAME) - _FRAME
    return Space(min(widest, rows * 32 // 9), rows, max(1, messages))


class LiveView:
    """A context manager: takes over the terminal while open, and gives it back as it was."""

    def __init__(
        self, console: Console, title: str, cameras: Sequence[DemoCamera], thresholds: Thresholds, stopwatch: Stopwatch
    ) -> None:
        self._console = console
        self._title = title
        self._cameras = cameras
        self._thresholds = thresholds
        self._stopwatch = stopwatch
        self._note = "starting"
        self._seen: dict[str, Observation] = {}
        self._heard: deque[tuple[float, News]] = deque(maxlen=200)
        self._live = Live(console=console, screen=True, auto_refresh=False)

    def __enter__(self) -> LiveView:  # noqa: PYI034 - Self needs Python 3.11
        self._live.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.__exit__(None, None, None)

    def announce(self, text: str) -> None:
        self._note = text

    def watch(self, observation: Observation) -> None:
        self._seen[observation.camera] = observation

    def hear(self, news: News) -> None:
        self._heard.append((self._stopwatch.elapsed(), news))

    def refresh(self) -> None:
        self._live.update(self.draw(), refresh=True)

    def draw(self) -> RenderableType:
        """The whole view at the console's size of this moment."""
        space = share_out(*self._console.size)
        grid = Table.grid(expand=True)
        grid.add_column(ratio=1)
        grid.add_column(ratio=1)
        for left, right in zip(self._cameras[::2], self._cameras[1::2], strict=True):
            grid.add_row(self._camera(left, space), self._camera(right, space))
        return Group(self._heading(), grid, self._messages(space))

    def _heading(self) -> Text:
        heading = Text(f" {self._title} ", style="bold", no_wrap=True, overflow="ellipsis")
        heading.append(f"  {self._note}  {self._stopwatch.elapsed():.0f} s  Ctrl-C ends", style="dim")
        return heading

    def _camera(self, camera: DemoCamera, space: Space) -> Panel:
        seen = self._seen.get(camera.id)
        body = Table.grid(padding=(0, 1, 0, 0))
        body.add_column(width=space.columns)
        body.add_column()
        picture: RenderableType = Text("")
        if seen is not None and seen.thumbnail is not None and space.columns:
            picture = Picture(seen.thumbnail, space.columns, space.rows)
        body.add_row(picture, self._facts(seen))
        title = Text.assemble((camera.id, "bold"), f": {camera.shows}")
        return Panel(body, title=title, border_style=_mood(seen), height=space.rows + _FRAME)

    def _facts(self, seen: Observation | None) -> Text:
        if seen is None:
            return Text("starting", style="dim")
        facts = Text(overflow="ellipsis", no_wrap=True)
        if seen.incident:
            facts.append("INCIDENT\n", style="bold red")
        else:
            facts.append(f"{seen.mode}\n", style="yellow" if seen.mode == "alert" else "green")
        facts.append_text(self._bar(seen.score))
        facts.append(f"\n{seen.samples_per_s:.1f} samples/s\n")
        facts.append(seen.reason or seen.connection, style="dim" if seen.connection == "connected" else "magenta")
        if seen.incidents:
            facts.append(f"\n{seen.incidents} incident{'s' if seen.incidents > 1 else ''} so far", style="dim")
        return facts

    def _bar(self, score: float | None) -> Text:
        if score is None:
            return Text("no score yet", style="dim")
        eighths = round(score * _BAR_COLUMNS * 8)
        filled = _EIGHTHS[-1] * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
        return Text(filled.ljust(_BAR_COLUMNS, "·") + f" {score:.2f}", style=self._score_style(score))

    def _score_style(self, score: float) -> str:
        if score >= self._thresholds.alert:
            return "bold red"
        return "yellow" if score >= self._thresholds.wake else "green"

    def _messages(self, space: Space) -> Panel:
        lines = Text(no_wrap=True, overflow="ellipsis")
        for at, news in list(self._heard)[-space.messages :]:
            style = {"incident": "bold red", "snapshot": "red", "status": "cyan"}.get(news.kind, "")
            lines.append(f"{at:6.1f} s  {news.topic:<26}  {summary(news)}\n", style=style)
        title = "MQTT, as a second client receives it"
        return Panel(lines, title=title, title_align="left", border_style="blue", height=space.messages + _FRAME)


def _mood(seen: Observation | None) -> str:
    if seen is None or seen.connection != "connected":
        return "bright_black"
    if seen.incident:
        return "bold red"
    return "yellow" if seen.mode == "alert" else "green"

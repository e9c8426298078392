"""How a build looks in a terminal: a line a stage, and bars with the time that is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

if TYPE_CHECKING:
    from typing_extensions import Self

PLAIN_STEPS = 4


class Display(Protocol):
    """Where work tells how it goes."""

    def stage(self, name: str, done: bool) -> None: ...

    def progress(self, done: int, total: int, word: str) -> None: ...

    def warn(self, message: str) -> None: ...


class LanedDisplay(Display, Protocol):
    """A display with a lane for each of the things that are done side by side."""

    def open_lane(self, key: str, label: str) -> None: ...

    def lane(self, key: str) -> Display: ...

    def close_lane(self, key: str) -> None: ...


def say(console: Console, line: str) -> None:
    """Print a line as it is: as text, since a path may hold what would be markup, and unwrapped, since a table wants
    its lines whole and a path is to be copied."""
    console.print(Text(line), soft_wrap=True)


class Lane:
    """One bar where a person looks on, and a line each quarter of a stage where the output goes to a log."""

    def __init__(self, console: Console, bars: Progress, label: str, told: set[str]) -> None:
        self._console = console
        self._bars = bars
        self._label = label
        self._stages = told
        self._task: TaskID | None = None
        self._name = label.rstrip(" :")
        self._told = 0
        self._completed = 0
        self._busy = False

    def stage(self, name: str, done: bool) -> None:
        """Tell that a stage begins, or that it is there already (once, however many ask for it)."""
        name = self._label + name
        if not done:
            self._print(Text(f"▸ {name}"))
        elif name not in self._stages:
            self._print(Text(f"✓ {name}: there already", "dim"))
        self._stages.add(name)
        if done and self._busy:
            # A stage in the middle of its work looks for what it builds upon: what follows is still its own progress.
            return
        self.close()
        self._name, self._told, self._busy = name, 0, not done

    def progress(self, done: int, total: int, word: str) -> None:
        """Tell how far the stage is."""
        self._busy = done < total
        if not self._console.is_terminal:
            quarter = PLAIN_STEPS * done // total
            if quarter > self._told:
                self._told = quarter
                self._print(Text(f"  {self._name}: {done}/{total} {word}"))
            if done == total:
                self._told = 0
            return
        if self._task is None:
            self._task = self._bars.add_task(self._name, total=total, word=word)
        elif done < self._completed:
            self._bars.reset(self._task, total=total)
        self._completed = done
        self._bars.update(self._task, completed=done, total=total, word=word)

    def warn(self, message: str) -> None:
        """Tell what the user should know but what does not stop the build."""
        self._print(Text.assemble(("warning:", "yellow"), f" {message}"))

    def close(self) -> None:
        """Take the bar away."""
        if self._task is not None:
            self._bars.remove_task(self._task)
        self._task = None

    def _print(self, line: Text) -> None:
        # As text, since a path may hold what would be markup; unwrapped, since a log wants one line a fact.
        self._console.print(line, soft_wrap=True)


class TerminalDisplay:
    """All lanes of a terminal or a log; stages, progress and warnings given to it itself go to a lane of its own."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[word]}", markup=False),
            console=console,
            transient=True,
        )
        self._told: set[str] = set()
        self._own = Lane(console, self._bars, "", self._told)
        self._lanes: dict[str, Lane] = {}

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Bars that were never shown would leave an empty line in a log.
        if self._console.is_terminal:
            self._bars.stop()

    def stage(self, name: str, done: bool) -> None:
        """Tell that a stage begins, or that it is there already."""
        self._own.stage(name, done)

    def progress(self, done: int, total: int, word: str) -> None:
        """Tell how far the stage is."""
        self._own.progress(done, total, word)

    def warn(self, message: str) -> None:
        """Tell what the user should know but what does not stop the build."""
        self._own.warn(message)

    def open_lane(self, key: str, label: str) -> None:
        """Begin a lane; ``label`` goes before the names of its stages."""
        self._lanes[key] = Lane(self._console, self._bars, label, self._told)

    def lane(self, key: str) -> Lane:
        """The lane that was opened under ``key``."""
        return self._lanes[key]

    def close_lane(self, key: str) -> None:
        """End a lane."""
        self._lanes.pop(key).close()

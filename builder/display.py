"""How a build looks in a terminal: a line a stage, and bars with the time that is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


class TerminalDisplay:
    """Bars where a person looks on, and a line each quarter of a stage where the output goes to a log."""

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
        self._task: TaskID | None = None
        self._name = ""
        self._told = 0

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
        self._print(Text(f"✓ {name}: there already", "dim") if done else Text(f"▸ {name}"))
        if self._task is not None:
            self._bars.remove_task(self._task)
        self._task = None
        self._name, self._told = name, 0

    def progress(self, done: int, total: int, word: str) -> None:
        """Tell how far the stage is."""
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
        restarted = done < self._bars.tasks[-1].completed
        if restarted:
            self._bars.reset(self._task, total=total)
        self._bars.update(self._task, completed=done, total=total, word=word)

    def warn(self, message: str) -> None:
        """Tell what the user should know but what does not stop the build."""
        self._print(Text.assemble(("warning:", "yellow"), f" {message}"))

    def _print(self, line: Text) -> None:
        # As text, since a path may hold what would be markup; unwrapped, since a log wants one line a fact.
        self._console.print(line, soft_wrap=True)

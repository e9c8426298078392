"""Tasks for tests of executors: small things done in another process, which leave files that tell."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from builder.display import Display
from builder.errors import DataError
from builder.execution.task import Task


@dataclass(frozen=True, slots=True)
class Write:
    """Writes its process into a file of ``folder``; fails when ``error`` or ``defect`` says so.

    It begins once the file ``beside`` is there, where one is named.
    """

    name: str
    folder: Path
    needs: tuple[str, ...] = ()
    label: str = ""
    error: str = ""
    defect: str = ""
    beside: Path | None = None

    def is_done(self) -> bool:
        return (self.folder / self.name).is_file()

    def run(self, display: Display) -> None:
        while self.beside is not None and not self.beside.is_file():
            time.sleep(0.05)
        display.stage(self.name, False)
        display.progress(1, 2, "half")
        missing = [need for need in self.needs if not (self.folder / need).is_file()]
        assert not missing
        if self.error:
            raise DataError(self.error)
        if self.defect:
            raise KeyError(self.defect)
        display.warn(f"{self.name} warns")
        (self.folder / self.name).write_text(str(os.getpid()))


@dataclass(frozen=True, slots=True)
class DieFirst:
    """Kills its own process the first ``times`` times, half-way through a task, and does it after that."""

    task: Task
    folder: Path
    times: int = 1

    @property
    def name(self) -> str:
        return self.task.name

    @property
    def label(self) -> str:
        return self.task.label

    @property
    def needs(self) -> tuple[str, ...]:
        return self.task.needs

    def is_done(self) -> bool:
        return self.task.is_done()

    def run(self, display: Display) -> None:
        self.task.run(_Dying(display, self.folder / f"{self.name}.deaths", self.times))


class _Dying:
    def __init__(self, display: Display, deaths: Path, times: int) -> None:
        self._display = display
        self._deaths = deaths
        self._times = times

    def stage(self, name: str, done: bool) -> None:
        self._display.stage(name, done)

    def progress(self, done: int, total: int, word: str) -> None:
        self._display.progress(done, total, word)
        died = len(self._deaths.read_text()) if self._deaths.exists() else 0
        if died < self._times:
            self._deaths.write_text("x" * (died + 1))
            os.kill(os.getpid(), signal.SIGKILL)

    def warn(self, message: str) -> None:
        self._display.warn(message)


@dataclass(frozen=True, slots=True)
class Hang:
    """Writes its process into a file, and never ends by itself."""

    name: str
    folder: Path
    needs: tuple[str, ...] = ()
    label: str = ""

    def is_done(self) -> bool:
        return False

    def run(self, display: Display) -> None:
        # It may be killed at any moment, and a file that is there without its number would be read.
        unfinished = self.folder / f"{self.name}.unfinished"
        unfinished.write_text(str(os.getpid()))
        unfinished.rename(self.folder / self.name)
        display.stage("hangs", False)
        signal.pause()

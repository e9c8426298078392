"""A piece of work that another process can be given, and what it tells on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias

from builder.display import Display


class Task(Protocol):
    """A description of work: it can be pickled, and running it twice does no harm.

    ``name`` is unique among the tasks run together, ``needs`` are the names of those that must have finished before,
    and ``label`` goes before the names of its stages where they are shown.
    """

    @property
    def name(self) -> str: ...

    @property
    def label(self) -> str: ...

    @property
    def needs(self) -> tuple[str, ...]: ...

    def is_done(self) -> bool:
        """Whether there is nothing left to do."""
        ...

    def run(self, display: Display) -> None:
        """Do the work in this process. Raises ``NexaraError`` for what the user can mend."""
        ...


class ToldStage(NamedTuple):
    """A stage begins, or is there already."""

    name: str
    done: bool

    def show(self, display: Display) -> None:
        """Tell it to ``display``."""
        display.stage(self.name, self.done)


class ToldProgress(NamedTuple):
    """How far the stage is."""

    done: int
    total: int
    word: str

    def show(self, display: Display) -> None:
        """Tell it to ``display``."""
        display.progress(self.done, self.total, self.word)


class ToldWarning(NamedTuple):
    """What the user should know."""

    message: str

    def show(self, display: Display) -> None:
        """Tell it to ``display``."""
        display.warn(self.message)


Telling: TypeAlias = ToldStage | ToldProgress | ToldWarning


class RelayedDisplay:
    """A display whose tellings are sent elsewhere to be shown."""

    def __init__(self, send: Callable[[Telling], None]) -> None:
        self._send = send

    def stage(self, name: str, done: bool) -> None:
        """Tell that a stage begins, or that it is there already."""
        self._send(ToldStage(name, done))

    def progress(self, done: int, total: int, word: str) -> None:
        """Tell how far the stage is."""
        self._send(ToldProgress(done, total, word))

    def warn(self, message: str) -> None:
        """Tell what the user should know."""
        self._send(ToldWarning(message))

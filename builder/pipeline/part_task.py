"""One of many parts that are a stage each, done by another process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from builder.display import Display
from builder.stages import Stage, StageStore, is_there
from builder.training.fit import Progress


class Parts(Protocol):
    """What is made in parts: the name and the stage of each, by its number."""

    def stage_name(self, number: int) -> str: ...

    def stage(self, number: int, store: StageStore, progress: Progress) -> Stage: ...


@dataclass(frozen=True, slots=True)
class PartTask:
    """The part of that ``number``; ``work`` is the folder of all stages."""

    made: Parts
    work: Path
    number: int
    label: str = ""
    needs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.made.stage_name(self.number)

    def is_done(self) -> bool:
        """Whether the part is there."""
        return is_there(self.work, lambda store: self.made.stage(self.number, store, lambda *_: None))

    def run(self, display: Display) -> None:
        """Make the part, unless it is there."""
        self.made.stage(self.number, StageStore(self.work, display.stage), display.progress)

"""The calm streams that alarm thresholds are chosen on, drawn some at a time: an interrupted build loses little."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from builder.recipe import Alarms
from builder.stages import Stage, StageStore
from builder.training.fit import Progress
from scenes import write_streams

STREAMS_A_STAGE = 10
FPS = 10.0


@dataclass(frozen=True, slots=True)
class CalmStreams:
    """What ``alarms`` asks for, in parts that are a stage each; ``code_version`` stands for how scenes are drawn."""

    alarms: Alarms
    code_version: str

    @property
    def parts(self) -> int:
        """How many there are."""
        return -(-self._count // STREAMS_A_STAGE)

    def stage_name(self, number: int) -> str:
        """What the stage of that part is called."""
        return f"alarm-streams{number}"

    def stage(self, number: int, store: StageStore, progress: Progress) -> Stage:
        """The stage that draws the part of that number, skipped when it is there."""
        count = min(STREAMS_A_STAGE, self._count - number * STREAMS_A_STAGE)
        seed = self.alarms.seed + number
        inputs = ((count, self.alarms.seconds, FPS, seed), self.code_version)
        return store.run(self.stage_name(number), inputs, partial(self._draw, count, seed, progress))

    @property
    def _count(self) -> int:
        return max(1, round(self.alarms.minutes * 60 / self.alarms.seconds))

    def _draw(self, count: int, seed: int, progress: Progress, directory: Path) -> None:
        write_streams(
            directory,
            count,
            self.alarms.seconds,
            seed,
            fight=False,
            fps=FPS,
            progress=lambda done, total, film: progress(done, total, film.name),
        )

"""The calm streams that alarm thresholds are chosen on, drawn some at a time: an interrupted build loses little."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from builder.display import Display
from builder.recipe import Alarms
from builder.stages import Stage, StageStore, is_there
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

    def stage(self, number: int, store: StageStore, progress: Progress) -> Stage:
        """The stage that draws the part of that number, skipped when it is there."""
        count = min(STREAMS_A_STAGE, self._count - number * STREAMS_A_STAGE)
        seed = self.alarms.seed + number
        inputs = ((count, self.alarms.seconds, FPS, seed), self.code_version)
        return store.run(f"alarm-streams{number}", inputs, partial(self._draw, count, seed, progress))

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


@dataclass(frozen=True, slots=True)
class StreamsTask:
    """One part of the streams, drawn under the folder of all stages ``work``."""

    streams: CalmStreams
    work: Path
    number: int
    label: str = ""
    needs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"alarm-streams{self.number}"

    def is_done(self) -> bool:
        """Whether they are there."""
        return is_there(self.work, lambda store: self.streams.stage(self.number, store, lambda *_: None))

    def run(self, display: Display) -> None:
        """Draw them, unless they are there."""
        self.streams.stage(self.number, StageStore(self.work, display.stage), display.progress)

"""The streams that thresholds are chosen on, drawn some at a time: an interrupted build loses little."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from builder.recipe import Alarms
from builder.stages import Stage, StageStore
from builder.training.fit import Progress
from scenes import Interval, stream_spec, write_streams

STREAMS_A_STAGE = 10
FPS = 10.0
FIGHT_S = 30.0
# Parts have seeds from the recipe's on, and no recipe asks for a thousand of them.
_FIGHT_SEEDS = 1000


@dataclass(frozen=True, slots=True)
class DrawnStreams:
    """``count`` streams of ``seconds`` each, all with a fight or all without, in parts that are a stage each, called by
    ``name``; ``code_version`` stands for how scenes are drawn."""

    name: str
    count: int
    seconds: float
    seed: int
    fight: bool
    code_version: str

    @property
    def parts(self) -> int:
        """How many there are."""
        return -(-self.count // STREAMS_A_STAGE)

    @property
    def fights(self) -> tuple[Interval, ...]:
        """When the fight of each stream is, in the order of parts and of films' names."""
        return tuple(
            stream_spec(self.seed + number, index, self.seconds, fight=True, fps=FPS).fights[0]
            for number in range(self.parts)
            for index in range(self._size(number))
            if self.fight
        )

    def stage_name(self, number: int) -> str:
        """What the stage of that part is called."""
        return f"{self.name}{number}"

    def stage(self, number: int, store: StageStore, progress: Progress) -> Stage:
        """The stage that draws the part of that number, skipped when it is there."""
        inputs = ((self._size(number), self.seconds, FPS, self.seed + number, self.fight), self.code_version)
        return store.run(self.stage_name(number), inputs, partial(self._draw, number, progress))

    def _size(self, number: int) -> int:
        return min(STREAMS_A_STAGE, self.count - number * STREAMS_A_STAGE)

    def _draw(self, number: int, progress: Progress, directory: Path) -> None:
        write_streams(
            directory,
            self._size(number),
            self.seconds,
            self.seed + number,
            fight=self.fight,
            fps=FPS,
            progress=lambda done, total, film: progress(done, total, film.name),
        )


def calm_streams(alarms: Alarms, code_version: str) -> DrawnStreams:
    """The streams without a fight that false alarms are counted on."""
    count = max(1, round(alarms.minutes * 60 / alarms.seconds))
    return DrawnStreams("alarm-streams", count, alarms.seconds, alarms.seed, fight=False, code_version=code_version)


def fight_streams(alarms: Alarms, code_version: str) -> DrawnStreams:
    """The streams with a fight in each that the wake threshold is chosen on."""
    seed = alarms.seed + _FIGHT_SEEDS
    return DrawnStreams("alarm-fights", alarms.fights, FIGHT_S, seed, fight=True, code_version=code_version)

"""The stages that choose alarm thresholds: calm streams drawn, the compiled files that ship watching them, and each
fold's watching the clips that it held out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from builder.alarms.choice import AlarmChoice, candidates, choose_alarms, choose_wake
from builder.alarms.film import JudgedFilm
from builder.alarms.rule import AlarmRule
from builder.alarms.trace import Trace, trace
from builder.alarms.watching import Watched, watch_under_all
from builder.data.clips import Clip
from builder.data.decode import decode_clip
from builder.evaluation.scores import CALM, FIGHT
from builder.evaluation.scoring import Scorer
from builder.pipeline.calibrated import FoldCalibration
from builder.pipeline.compiled_fold import open_compiled
from builder.pipeline.curated import CuratedClips
from builder.pipeline.fold_build import FoldClips
from builder.recipe import Alarms, Recipe
from builder.stages import Stage, StageStore
from builder.training.fit import Progress
from models.manifest import Thresholds
from scenes import write_streams

STREAMS_A_STAGE = 10
FPS = 10.0
TRACES = "traces.json"
WATCHED = "watched.json"
Item = TypeVar("Item")


class CompiledFold(NamedTuple):
    """What a fold held out, the stage that compiled its targets, and its calibration, whose shift is in them."""

    clips: FoldClips
    compiled: Stage
    calibration: FoldCalibration


class AlarmBudget:
    """Runs the stages; ``code_version`` stands for how scenes are drawn, by ``workers`` processes. The recipe's first
    target judges: of the files that ship, the one that most devices run."""

    def __init__(
        self,
        recipe: Recipe,
        alarms: Alarms,
        real: CuratedClips,
        store: StageStore,
        progress: Progress,
        code_version: str,
        workers: int = 1,
    ) -> None:
        self._recipe = recipe
        self._alarms = alarms
        self._real = real
        self._store = store
        self._progress = progress
        self._code_version = code_version
        self._workers = workers
        self._rule = AlarmRule()

    def choose(self, folds: Sequence[CompiledFold]) -> AlarmChoice:
        """Thresholds of the first fold, which ships.

        Its files watch the calm streams. Held-out clips are judged by them too where some were kept for calibration,
        else each by those of the fold that held it out, the first fold's own left out.
        """
        shipped = folds[0]
        own = shipped.clips.calibrate
        watched = [(shipped, own)] if own else [(one, one.clips.judge) for one in folds[1:]]
        clips = [found for one, given in watched for found in self._watch_clips(one, given)]
        wake = choose_wake(clips)
        streams = self._watch_streams(shipped, candidates(wake))
        return choose_alarms(streams, clips, wake, self._target, self._alarms.per_hour, self._rule)

    @property
    def _target(self) -> str:
        return self._recipe.targets[0]

    def _watch_clips(self, one: CompiledFold, clips: Sequence[Clip]) -> tuple[Trace, ...]:
        geometry, seen, temperature = self._recipe.geometry, self._recipe.preprocessing, one.calibration.temperature

        def judge(clip: Clip, scorer: Scorer) -> Trace:
            label = FIGHT if clip.fight else CALM
            return trace(clip.name, label, self._real.exact(clip), scorer, temperature, geometry, seen, self._rule)

        stage = self._store.run(
            f"fold{one.clips.number}-watch-clips",
            (one.compiled.key, self._target, [clip.name for clip in clips], self._rule.rate_hz),
            partial(self._judge, one, TRACES, clips, judge),
        )
        return msgspec.json.decode((stage.directory / TRACES).read_bytes(), type=tuple[Trace, ...])

    def _watch_streams(self, one: CompiledFold, thresholds: Sequence[Thresholds]) -> tuple[Watched, ...]:
        geometry, seen, temperature = self._recipe.geometry, self._recipe.preprocessing, one.calibration.temperature
        parts = self._draw()
        films = [film for part in parts for film in sorted((part.directory / "streams").iterdir())]

        def judge(film: Path, scorer: Scorer) -> Watched:
            judged = JudgedFilm(decode_clip(film, seen), scorer, temperature, geometry, seen)
            return watch_under_all(film.name, judged, thresholds, self._rule)

        stage = self._store.run(
            f"fold{one.clips.number}-watch-streams",
            (one.compiled.key, self._target, [part.key for part in parts], thresholds, self._rule),
            partial(self._judge, one, WATCHED, films, judge),
        )
        return msgspec.json.decode((stage.directory / WATCHED).read_bytes(), type=tuple[Watched, ...])

    def _draw(self) -> list[Stage]:
        """Streams are drawn some at a time, so that an interrupted build loses little."""
        seconds = self._alarms.seconds
        count = max(1, round(self._alarms.minutes * 60 / seconds))
        parts = []
        for number, first in enumerate(range(0, count, STREAMS_A_STAGE)):
            inputs = (min(STREAMS_A_STAGE, count - first), seconds, FPS, self._alarms.seed + number)
            work = partial(self._draw_part, inputs[0], inputs[3])
            parts.append(self._store.run(f"alarm-streams{number}", (inputs, self._code_version), work))
        return parts

    def _draw_part(self, count: int, seed: int, directory: Path) -> None:
        write_streams(
            directory,
            count,
            self._alarms.seconds,
            seed,
            fight=False,
            fps=FPS,
            workers=self._workers,
            progress=lambda done, total, film: self._progress(done, total, film.name),
        )

    def _judge(
        self,
        one: CompiledFold,
        file: str,
        items: Sequence[Item],
        judge: Callable[[Item, Scorer], Trace | Watched],
        directory: Path,
    ) -> None:
        found = []
        with closing(open_compiled(one.compiled.directory, self._target, self._recipe.preprocessing)) as scorer:
            for number, item in enumerate(items, 1):
                found.append(judge(item, scorer))
                self._progress(number, len(items), found[-1].name)
        (directory / file).write_bytes(msgspec.json.encode(found))

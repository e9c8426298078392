"""The stages that choose alarm thresholds: the compiled files that ship watching calm streams, and each fold's watching
the clips that it held out."""

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
from builder.pipeline.calm_streams import CalmStreams
from builder.pipeline.compiled_fold import open_compiled
from builder.pipeline.curated import CuratedClips
from builder.pipeline.fold_build import FoldClips
from builder.recipe import Alarms, Recipe
from builder.stages import Stage, StageStore
from builder.training.fit import Progress
from models.manifest import Thresholds

TRACES = "traces.json"
WATCHED = "watched.json"
Item = TypeVar("Item")


class CompiledFold(NamedTuple):
    """What a fold held out, the stage that compiled its targets, and its calibration, whose shift is in them."""

    clips: FoldClips
    compiled: Stage
    calibration: FoldCalibration


class AlarmBudget:
    """Runs the stages; ``code_version`` stands for how scenes are drawn. The recipe's first target judges: of the files
    that ship, the one that most devices run."""

    def __init__(
        self,
        recipe: Recipe,
        alarms: Alarms,
        real: CuratedClips,
        store: StageStore,
        progress: Progress,
        code_version: str,
    ) -> None:
        self._recipe = recipe
        self._alarms = alarms
        self._real = real
        self._store = store
        self._progress = progress
        self._streams = CalmStreams(alarms, code_version)
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
        parts = [self._streams.stage(number, self._store, self._progress) for number in range(self._streams.parts)]
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

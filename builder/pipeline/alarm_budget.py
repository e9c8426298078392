"""The stages that choose alarm thresholds: the compiled files that ship watching calm streams, and each fold's watching
the clips that it held out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from builder.alarms.choice import AlarmChoice, candidates, choose_alarms, choose_wake
from builder.alarms.rule import AlarmRule
from builder.alarms.trace import Trace, trace
from builder.data.clips import Clip
from builder.display import LanedDisplay
from builder.evaluation.scores import CALM, FIGHT
from builder.evaluation.scoring import Scorer
from builder.pipeline.calibrated import FoldCalibration
from builder.pipeline.compiled_fold import open_compiled
from builder.pipeline.curated import CuratedClips
from builder.pipeline.drawn_streams import calm_streams, fight_streams
from builder.pipeline.fold_clips import FoldClips
from builder.pipeline.side_by_side import Opening
from builder.pipeline.stream_watch import StreamWatch
from builder.recipe import Alarms, Recipe
from builder.stages import Stage, StageStore

TRACES = "traces.json"


class CompiledFold(NamedTuple):
    """What a fold held out, the stage that compiled its targets, and its calibration, whose shift is in them."""

    clips: FoldClips
    compiled: Stage
    calibration: FoldCalibration


class AlarmBudget:
    """Runs the stages; ``code_version`` stands for how scenes are drawn, ``executor`` opens what watches side by
    side. The recipe's first target judges: of the files that ship, the one that most devices run."""

    def __init__(
        self,
        recipe: Recipe,
        alarms: Alarms,
        real: CuratedClips,
        store: StageStore,
        display: LanedDisplay,
        code_version: str,
        executor: Opening | None = None,
    ) -> None:
        self._recipe = recipe
        self._alarms = alarms
        self._real = real
        self._store = store
        self._display = display
        self._code_version = code_version
        self._executor = executor
        self._rule = AlarmRule()

    def choose(self, folds: Sequence[CompiledFold]) -> AlarmChoice:
        """Thresholds of the first fold, which ships.

        Its files watch the calm streams. Held-out clips are judged by them too where some were kept for calibration,
        else each by those of the fold that held it out, the first fold's own left out. Where the recipe asks for drawn
        fights, the wake threshold is then raised as far as they allow.
        """
        shipped = folds[0]
        own = shipped.clips.calibrate
        watched = [(shipped, own)] if own else [(one, one.clips.judge) for one in folds[1:]]
        clips = [found for one, given in watched for found in self._watch_clips(one, given)]
        wake = choose_wake(clips)
        watch, calm = self._watch(shipped), calm_streams(self._alarms, self._code_version)
        streams = watch.watch(calm, candidates(wake))
        chosen = choose_alarms(streams, clips, wake, self._target, self._alarms.per_hour, self._rule)
        if not self._alarms.fights:
            return chosen
        return watch.raise_wake(chosen, calm, fight_streams(self._alarms, self._code_version))

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
            partial(self._judge, one, clips, judge),
        )
        return msgspec.json.decode((stage.directory / TRACES).read_bytes(), type=tuple[Trace, ...])

    def _watch(self, one: CompiledFold) -> StreamWatch:
        return StreamWatch(
            one.clips.name,
            one.compiled,
            self._recipe,
            one.calibration.temperature,
            self._rule,
            self._store,
            self._display,
            self._executor,
        )

    def _judge(
        self, one: CompiledFold, clips: Sequence[Clip], judge: Callable[[Clip, Scorer], Trace], directory: Path
    ) -> None:
        found = []
        with closing(open_compiled(one.compiled.directory, self._target, self._recipe.preprocessing)) as scorer:
            for number, clip in enumerate(clips, 1):
                found.append(judge(clip, scorer))
                self._display.progress(number, len(clips), found[-1].name)
        (directory / TRACES).write_bytes(msgspec.json.encode(found))

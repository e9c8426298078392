"""The stages that choose alarm thresholds: calm streams drawn, the shipped fold's student watching them, and each
fold's watching the clips that it held out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from builder.alarms.choice import AlarmChoice, choose_alarms
from builder.alarms.rule import AlarmRule
from builder.alarms.trace import Trace, trace
from builder.data.clips import Clip
from builder.data.decode import DecodedClip, decode_clip
from builder.evaluation.scores import CALM, FIGHT
from builder.pipeline.calibrated import FoldCalibration
from builder.pipeline.curated import CuratedClips
from builder.pipeline.fold_build import FoldBuild
from builder.recipe import Alarms, Recipe
from builder.stages import Stage, StageStore
from builder.training.fit import Progress
from scenes import write_streams

STREAMS_A_STAGE = 10
FPS = 10.0
TRACES = "traces.json"


class AlarmBudget:
    """Runs the stages; ``code_version`` stands for how scenes are drawn."""

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
        self._code_version = code_version
        self._rule = AlarmRule()

    def choose(self, folds: Sequence[FoldBuild], calibrations: Mapping[int, FoldCalibration]) -> AlarmChoice:
        """Thresholds of the first fold, which ships.

        Its student watches the calm streams. Held-out clips are judged as its calibration was fitted: by its own
        student where some were kept for calibration, else each by the student of the fold that held it out, the first
        fold's own left out.
        """
        shipped = folds[0]
        own = shipped.clips.calibrate
        watched = [(shipped, own)] if own else [(one, one.clips.judge) for one in folds[1:]]
        clips = [found for one, given in watched for found in self._watch_clips(one, given)]
        streams = self._watch_streams(shipped)
        platt = calibrations[shipped.clips.number].platt
        return choose_alarms(streams, clips, platt, self._alarms.per_hour, self._rule)

    def _watch_clips(self, one: FoldBuild, clips: Sequence[Clip]) -> tuple[Trace, ...]:
        items = [(clip.name, clip.fight, partial(self._real.exact, clip)) for clip in clips]
        key = (one.pruned().key, [clip.name for clip in clips])
        return self._watched("watch-clips", one, key, items)

    def _watch_streams(self, one: FoldBuild) -> tuple[Trace, ...]:
        parts = self._draw()
        films = [film for part in parts for film in sorted((part.directory / "streams").iterdir())]
        items = [
            (f"stream-{number}", False, partial(decode_clip, film, self._recipe.preprocessing))
            for number, film in enumerate(films)
        ]
        return self._watched("watch-streams", one, (one.pruned().key, [part.key for part in parts]), items)

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
            progress=lambda done, total, film: self._progress(done, total, film.name),
        )

    def _watched(
        self, name: str, one: FoldBuild, key: object, items: Sequence[tuple[str, bool, Callable[[], DecodedClip]]]
    ) -> tuple[Trace, ...]:
        stage = self._store.run(
            f"fold{one.clips.number}-{name}",
            (key, self._rule.rate_hz),
            partial(self._judge, one, items),
        )
        return msgspec.json.decode((stage.directory / TRACES).read_bytes(), type=tuple[Trace, ...])

    def _judge(
        self, one: FoldBuild, items: Sequence[tuple[str, bool, Callable[[], DecodedClip]]], directory: Path
    ) -> None:
        geometry, seen = self._recipe.geometry, self._recipe.preprocessing
        scorer = one.scorer(one.network(self._recipe.student, one.pruned(), seen), seen)
        traces = []
        for number, (name, fight, decode) in enumerate(items, 1):
            label = FIGHT if fight else CALM
            traces.append(trace(name, label, decode(), scorer, geometry, seen, self._rule))
            self._progress(number, len(items), name)
        (directory / TRACES).write_bytes(msgspec.json.encode(traces))

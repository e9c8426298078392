"""Drawn streams watched by a fold's compiled files as the agent would, part by part."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from builder.alarms.film import JudgedFilm
from builder.alarms.rule import AlarmRule
from builder.alarms.watching import Watched, watch_under_all
from builder.data.decode import decode_clip
from builder.pipeline.compiled_fold import open_compiled
from builder.pipeline.drawn_streams import DrawnStreams
from builder.recipe import Recipe
from builder.stages import Stage, StageStore
from builder.training.fit import Progress
from models.manifest import Thresholds

WATCHED = "watched.json"


@dataclass(frozen=True, slots=True)
class WatchedStreams:
    """``streams`` watched under each of ``thresholds`` by what ``compiled``, a stage of the fold named ``fold``, left
    for the recipe's first target; ``temperature`` is its calibration. A stage for each part of the streams."""

    streams: DrawnStreams
    recipe: Recipe
    fold: str
    compiled: Stage
    temperature: float
    thresholds: tuple[Thresholds, ...]
    rule: AlarmRule

    @property
    def target(self) -> str:
        """Whose file watches."""
        return self.recipe.targets[0]

    def stage_name(self, number: int) -> str:
        """What the stage of that part is called."""
        return f"{self.fold}-watch-{self.streams.stage_name(number)}"

    def stage(self, number: int, store: StageStore, progress: Progress) -> Stage:
        """The stage that watches the part of that number, drawn where it is not there yet."""
        drawn = self.streams.stage(number, store, progress)
        inputs = (self.compiled.key, self.target, drawn.key, self.thresholds, self.rule, self.recipe.geometry)
        return store.run(self.stage_name(number), inputs, partial(self._watch, drawn, progress))

    def watched(self, store: StageStore, progress: Progress) -> tuple[Watched, ...]:
        """What was seen of all parts."""
        stages = [self.stage(number, store, progress) for number in range(self.streams.parts)]
        return tuple(
            one
            for stage in stages
            for one in msgspec.json.decode((stage.directory / WATCHED).read_bytes(), type=tuple[Watched, ...])
        )

    def _watch(self, drawn: Stage, progress: Progress, directory: Path) -> None:
        geometry, seen = self.recipe.geometry, self.recipe.preprocessing
        films = sorted((drawn.directory / "streams").iterdir())
        found = []
        with closing(open_compiled(self.compiled.directory, self.target, seen)) as scorer:
            for number, film in enumerate(films, 1):
                judged = JudgedFilm(decode_clip(film, seen), scorer, self.temperature, geometry, seen)
                found.append(watch_under_all(film.name, judged, self.thresholds, self.rule))
                progress(number, len(films), film.name)
        (directory / WATCHED).write_bytes(msgspec.json.encode(found))

"""Compiled files that watch drawn streams, and what thresholds come of what they see."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from builder.alarms.choice import AlarmChoice, with_wake
from builder.alarms.rule import AlarmRule
from builder.alarms.waking import choose_waking, offer_wakes
from builder.alarms.watching import Watched
from builder.display import LanedDisplay
from builder.execution.executor import run_tasks
from builder.pipeline.drawn_streams import DrawnStreams
from builder.pipeline.part_task import PartTask
from builder.pipeline.side_by_side import Opening
from builder.pipeline.watched_streams import WatchedStreams
from builder.recipe import Recipe
from builder.stages import Stage, StageStore
from models.manifest import Thresholds


@dataclass(frozen=True, slots=True)
class StreamWatch:
    """Watches with what ``compiled``, a stage of what is called ``name``, left for the recipe's first target;
    ``temperature`` is its calibration. ``executor`` opens what watches side by side."""

    name: str
    compiled: Stage
    recipe: Recipe
    temperature: float
    rule: AlarmRule
    store: StageStore
    display: LanedDisplay
    executor: Opening | None = None

    def watch(self, streams: DrawnStreams, thresholds: tuple[Thresholds, ...]) -> tuple[Watched, ...]:
        """The streams watched under each of ``thresholds``, a stage for each part of them."""
        watching = WatchedStreams(
            streams, self.recipe, self.name, self.compiled, self.temperature, thresholds, self.rule
        )
        if self.executor is not None:
            tasks = [PartTask(watching, self.store.root, number) for number in range(streams.parts)]
            with self.executor() as opened:
                run_tasks(tasks, opened, self.display)
        return watching.watched(self.store, self.display.progress)

    def raise_wake(self, chosen: AlarmChoice, calm: DrawnStreams, fights: DrawnStreams) -> AlarmChoice:
        """The choice with the wake threshold raised as far as ``fights`` and the budget allow. ``calm`` is watched
        under all that fights allow, so that the rate is that of the thresholds that ship."""
        offered = offer_wakes(chosen.thresholds)
        waking = choose_waking(offered, self.watch(fights, offered), fights.fights)
        allowed = tuple(msgspec.structs.replace(chosen.thresholds, wake=wake) for wake in waking.allowed)
        return with_wake(chosen, waking, self.watch(calm, allowed))

from __future__ import annotations

import shutil
from contextlib import nullcontext
from pathlib import Path

import msgspec
import pytest

from builder.data.clips import Clip, find_clips
from builder.execution.executor import Event, Finished
from builder.execution.task import Task
from builder.pipeline.alarm_budget import AlarmBudget, CompiledFold
from builder.pipeline.calibrated import FoldCalibration
from builder.pipeline.compiled_fold import ARTIFACTS
from builder.pipeline.curated import CuratedClips, curate, hash_clips
from builder.pipeline.fold_clips import FoldClips
from builder.pipeline.side_by_side import Opening
from builder.recipe import Alarms, load_recipe
from builder.stages import Stage, StageStore
from models.bundle import Bundle
from models.manifest import Thresholds
from tests.builder import tiny_clips
from tests.builder.execution.told import Remembered
from tests.builder.tiny_training import silent

ALARMS = Alarms(per_hour=2000, minutes=0.03, seconds=2, seed=4, fights=0)
CALIBRATION = FoldCalibration(1.0, 0.0, Thresholds(wake=0.1, alert=0.9, clear=0.2))


class Site:
    """Curated clips of six cameras, two held out by each of three folds, whose files are all those of the tiny one."""

    def __init__(self, directory: Path, tiny: Bundle) -> None:
        manifest = tiny.manifest
        self.recipe = msgspec.structs.replace(
            load_recipe("quick"),
            geometry=manifest.geometry,
            preprocessing=manifest.preprocessing,
            targets=("onnx-float32",),
        )
        self.compiled = directory / "compiled"
        for artifact in manifest.artifacts:
            (self.compiled / artifact.file).parent.mkdir(parents=True, exist_ok=True)
            (self.compiled / artifact.file).write_bytes(tiny.read(artifact.file))
        (self.compiled / ARTIFACTS).write_bytes(msgspec.json.encode(manifest.artifacts))
        found = find_clips(tiny_clips.write_table(directory / "data", fights=3, calm=3, sources=6))
        place = directory / "curated"
        place.mkdir()
        curate(found, hash_clips(found.clips, silent), manifest.preprocessing, place, silent, print)
        self.real = CuratedClips(place)
        self.told: list[tuple[str, bool]] = []
        self.directory = directory

    def fold(self, number: int, key: str, calibrate: tuple[Clip, ...] = ()) -> CompiledFold:
        """A fold that was compiled to the tiny bundle's files."""
        judge = self.real.clips[number : number + 4 : 3]
        return CompiledFold(
            FoldClips(number, (), judge, calibrate), Stage("compile", self.compiled, key, 0.0), CALIBRATION
        )

    def budget(self, alarms: Alarms = ALARMS, executor: Opening | None = None) -> AlarmBudget:
        store = StageStore(self.directory / "work", lambda name, done: self.told.append((name, done)))
        return AlarmBudget(self.recipe, alarms, self.real, store, Remembered(), "0.1.0", executor)

    def run(self) -> list[str]:
        """The stages that were run, not found, since last asked."""
        worked = [name for name, done in self.told if not done]
        self.told.clear()
        return worked


def test_the_other_folds_held_out_clips_and_the_shipped_network_on_streams_make_the_choice(
    tmp_path: Path, tiny: Bundle
) -> None:
    site = Site(tmp_path, tiny)
    folds = [site.fold(number, f"key{number}") for number in range(3)]
    chosen = site.budget().choose(folds)
    assert site.run() == ["fold1-watch-clips", "fold2-watch-clips", "alarm-streams0", "fold0-watch-alarm-streams0"]
    assert (chosen.streams, chosen.fight_clips, chosen.calm_clips, chosen.budget_per_hour) == (1, 2, 2, 2000)
    assert chosen.hours * 3600 == pytest.approx(1.9)
    assert chosen.target == "onnx-float32"
    looser = site.budget(msgspec.structs.replace(ALARMS, per_hour=5000.0)).choose(folds)
    assert site.run() == []
    assert [(one.alarms, one.fights) for one in looser.points] == [(one.alarms, one.fights) for one in chosen.points]
    site.budget().choose([site.fold(0, "trained again"), *folds[1:]])
    assert site.run() == ["fold0-watch-alarm-streams0"]
    site.budget(msgspec.structs.replace(ALARMS, seed=5)).choose(folds)
    assert site.run() == ["alarm-streams0", "fold0-watch-alarm-streams0"]


class Here:
    """An executor that does each task at once, in this process; it remembers their names."""

    slots = 1

    def __init__(self) -> None:
        self.done: list[str] = []

    def start(self, task: Task) -> None:
        task.run(Remembered())
        self.done.append(task.name)

    def wait(self) -> Event:
        return Finished(self.done[-1])


def test_an_executor_watches_the_streams_part_by_part_and_the_choice_is_the_same(tmp_path: Path, tiny: Bundle) -> None:
    site, executor = Site(tmp_path, tiny), Here()
    folds = [site.fold(number, f"key{number}") for number in range(3)]
    alarms = msgspec.structs.replace(ALARMS, minutes=0.4)
    chosen = site.budget(alarms, lambda: nullcontext(executor)).choose(folds)
    assert executor.done == ["fold0-watch-alarm-streams0", "fold0-watch-alarm-streams1"]
    assert site.run() == ["fold1-watch-clips", "fold2-watch-clips"]
    assert chosen.streams == 12
    for drawn in (tmp_path / "work").glob("fold0-watch-alarm-streams*"):
        shutil.rmtree(drawn)
    assert site.budget(alarms).choose(folds) == chosen
    assert site.run() == ["fold0-watch-alarm-streams0", "fold0-watch-alarm-streams1"]


def test_clips_kept_for_calibration_serve_where_there_are_some(tmp_path: Path, tiny: Bundle) -> None:
    site = Site(tmp_path, tiny)
    kept = site.real.clips[1:6:2]
    chosen = site.budget().choose([site.fold(0, "key", kept)])
    assert site.run() == ["fold0-watch-clips", "alarm-streams0", "fold0-watch-alarm-streams0"]
    assert chosen.fight_clips + chosen.calm_clips == len(kept)


def test_where_the_recipe_asks_for_fights_the_wake_threshold_is_looked_for_on_them(
    tmp_path: Path, tiny: Bundle
) -> None:
    site = Site(tmp_path, tiny)
    folds = [site.fold(number, f"key{number}") for number in range(3)]
    before = site.budget().choose(folds)
    site.run()
    alarms = msgspec.structs.replace(ALARMS, fights=1)
    chosen = site.budget(alarms).choose(folds)
    assert before.waking is None
    assert chosen.waking is not None
    assert chosen.waking.fights == 1
    assert chosen.waking.points[0].wake == before.thresholds.wake
    assert chosen.thresholds == msgspec.structs.replace(before.thresholds, wake=chosen.waking.wake)
    assert [one.alarms is not None for one in chosen.waking.points] == [
        one.wake in chosen.waking.allowed for one in chosen.waking.points
    ]
    assert site.run() == ["alarm-fights0", "fold0-watch-alarm-fights0", "fold0-watch-alarm-streams0"]

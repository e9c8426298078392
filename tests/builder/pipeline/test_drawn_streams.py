from __future__ import annotations

import json
from pathlib import Path

import pytest

from builder.pipeline.drawn_streams import DrawnStreams, calm_streams, fight_streams
from builder.pipeline.part_task import PartTask
from builder.recipe import Alarms
from builder.stages import StageStore
from tests.builder.execution.told import Remembered


@pytest.mark.parametrize(("minutes", "seconds", "counts"), [(0.1, 1, [6]), (0.2, 1, [10, 2]), (0.01, 2, [1])])
def test_all_streams_are_drawn_in_parts_of_ten(
    tmp_path: Path, minutes: float, seconds: float, counts: list[int]
) -> None:
    streams = calm_streams(Alarms(minutes=minutes, seconds=seconds), "1.0")
    display = Remembered()
    store = StageStore(tmp_path, display.stage)
    drawn = [streams.stage(number, store, display.progress) for number in range(streams.parts)]
    films = [sorted((stage.directory / "streams").iterdir()) for stage in drawn]
    assert [len(part) for part in films] == counts
    assert len({film.read_bytes() for part in films for film in part}) == sum(counts)
    assert [total for done, total, _ in display.steps if done == total] == counts


def test_a_task_leaves_the_stage_that_is_asked_for_later(tmp_path: Path) -> None:
    streams, display = calm_streams(Alarms(minutes=0.05, seconds=2), "1.0"), Remembered()
    task = PartTask(streams, tmp_path, 0)
    assert not task.is_done()
    assert not display.stages
    task.run(display)
    assert task.is_done()
    streams.stage(0, StageStore(tmp_path, display.stage), display.progress)
    assert display.stages == [("alarm-streams0", False), ("alarm-streams0", True)]
    assert not PartTask(calm_streams(Alarms(minutes=0.05, seconds=2), "1.1"), tmp_path, 0).is_done()


def test_streams_with_a_fight_say_when_it_is(tmp_path: Path) -> None:
    display = Remembered()
    streams = DrawnStreams("fights", 2, 8.0, 5, fight=True, code_version="1.0")
    drawn = streams.stage(0, StageStore(tmp_path, display.stage), display.progress)
    for path, fight in zip(sorted((drawn.directory / "truth").iterdir()), streams.fights, strict=True):
        frames = [json.loads(line) for line in path.read_text().splitlines()]
        times_s = [frame["time_s"] for frame in frames if frame["fighting"]]
        assert (times_s[0], times_s[-1]) == pytest.approx((fight.start_s, fight.end_s), abs=0.11)


def test_the_recipe_says_how_many_streams_there_are() -> None:
    alarms = Alarms(minutes=200, seconds=60, fights=12)
    calm, fights = calm_streams(alarms, "1.0"), fight_streams(alarms, "1.0")
    assert [calm.parts, fights.parts] == [20, 2]
    assert [len(calm.fights), len(fights.fights)] == [0, 12]
    assert not {calm.seed + part for part in range(calm.parts)} & {fights.seed + part for part in range(fights.parts)}

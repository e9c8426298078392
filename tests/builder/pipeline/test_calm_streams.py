from __future__ import annotations

from pathlib import Path

import pytest

from builder.pipeline.calm_streams import CalmStreams
from builder.pipeline.part_task import PartTask
from builder.recipe import Alarms
from builder.stages import StageStore
from tests.builder.execution.told import Remembered


@pytest.mark.parametrize(("minutes", "seconds", "counts"), [(0.1, 1, [6]), (0.2, 1, [10, 2]), (0.01, 2, [1])])
def test_all_streams_are_drawn_in_parts_of_ten(
    tmp_path: Path, minutes: float, seconds: float, counts: list[int]
) -> None:
    streams = CalmStreams(Alarms(minutes=minutes, seconds=seconds), "1.0")
    display = Remembered()
    store = StageStore(tmp_path, display.stage)
    drawn = [streams.stage(number, store, display.progress) for number in range(streams.parts)]
    films = [sorted((stage.directory / "streams").iterdir()) for stage in drawn]
    assert [len(part) for part in films] == counts
    assert len({film.read_bytes() for part in films for film in part}) == sum(counts)
    assert [total for done, total, _ in display.steps if done == total] == counts


def test_a_task_leaves_the_stage_that_is_asked_for_later(tmp_path: Path) -> None:
    streams, display = CalmStreams(Alarms(minutes=0.05, seconds=2), "1.0"), Remembered()
    task = PartTask(streams, tmp_path, 0)
    assert not task.is_done()
    assert not display.stages
    task.run(display)
    assert task.is_done()
    streams.stage(0, StageStore(tmp_path, display.stage), display.progress)
    assert display.stages == [("alarm-streams0", False), ("alarm-streams0", True)]
    assert not PartTask(CalmStreams(Alarms(minutes=0.05, seconds=2), "1.1"), tmp_path, 0).is_done()

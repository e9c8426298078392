from __future__ import annotations

from collections import deque
from pathlib import Path

import pytest

from builder.execution.executor import Event, Executor, Failed, Finished, Lost, TaskDefect, TaskError, Told, run_tasks
from builder.execution.task import Task, ToldWarning
from tests.builder.execution.tiny_tasks import Write
from tests.builder.execution.told import Remembered


class Scripted:
    """An executor whose tasks end as a table says, the oldest first; it remembers what ran beside what."""

    def __init__(self, slots: int, endings: dict[str, list[Event]] | None = None) -> None:
        self.slots = slots
        self.endings = endings or {}
        self.running: deque[str] = deque()
        self.started: list[str] = []
        self.most = 0

    def start(self, task: Task) -> None:
        self.running.append(task.name)
        self.started.append(task.name)
        self.most = max(self.most, len(self.running))

    def wait(self) -> Event:
        name = self.running.popleft()
        event = self.endings[name].pop(0) if self.endings.get(name) else Finished(name)
        if isinstance(event, Told):
            self.running.appendleft(name)
        return event


def make_task(name: str, *needs: str) -> Write:
    return Write(name, Path("nowhere"), needs)


@pytest.mark.parametrize("slots", [1, 2, 10])
def test_each_task_runs_once_after_those_it_needs_and_never_more_than_there_are_slots(slots: int) -> None:
    tasks = [make_task("c", "a", "b"), make_task("a"), make_task("d", "c"), make_task("b")]
    executor: Scripted = Scripted(slots)
    display = Remembered()
    run_tasks(tasks, executor, display)
    started = executor.started
    assert sorted(started) == ["a", "b", "c", "d"]
    for task in tasks:
        assert all(started.index(need) < started.index(task.name) for need in task.needs)
    assert executor.most <= slots
    assert not display.open
    assert [step[:2] for step in display.steps] == [(done, 4) for done in (1, 2, 3, 4)]


def test_what_is_done_is_not_run_again_and_nothing_is_told_when_all_is(tmp_path: Path) -> None:
    tasks = [Write("a", tmp_path), Write("b", tmp_path, ("a",)), Write("c", tmp_path, ("b",))]
    (tmp_path / "a").touch()
    (tmp_path / "b").touch()
    executor, display = Scripted(2), Remembered()
    run_tasks(tasks, executor, display)
    assert executor.started == ["c"]
    (tmp_path / "c").touch()
    run_tasks(tasks, Scripted(2), silent := Remembered())
    assert not silent.stages


def test_each_task_is_told_as_finished_once_and_what_was_done_before_first(tmp_path: Path) -> None:
    (tmp_path / "b").touch()
    executor = Scripted(1, {"a": [Lost("a", "killed"), Finished("a")]})
    told: list[tuple[str, int]] = []
    tasks = [Write("a", tmp_path), Write("b", tmp_path), Write("c", tmp_path, ("a",))]
    run_tasks(tasks, executor, Remembered(), finished=lambda name: told.append((name, len(executor.started))))
    assert told == [("b", 0), ("a", 2), ("c", 3)]


def test_what_a_task_tells_is_shown_in_its_own_lane() -> None:
    executor = Scripted(2, {"a": [Told("a", ToldWarning("hot")), Finished("a")]})
    display = Remembered()
    run_tasks([make_task("a"), make_task("b")], executor, display)
    assert display.opened["a"][0].warnings == ["hot"]
    assert display.opened["b"][0].warnings == []


def test_a_lost_task_is_run_again_and_what_needs_it_waits() -> None:
    executor = Scripted(3, {"a": [Lost("a", "its process was killed by SIGKILL")]})
    display = Remembered()
    run_tasks([make_task("a"), make_task("b"), make_task("c", "a")], executor, display)
    assert executor.started == ["a", "b", "a", "c"]
    assert display.warnings == ["a: its process was killed by SIGKILL; it is run again"]
    assert len(display.opened["a"]) == 2


def test_one_clear_error_when_a_task_is_lost_again_and_again() -> None:
    executor = Scripted(1, {"a": [Lost("a", "its process was killed by SIGKILL") for _ in range(5)]})
    display = Remembered()
    with pytest.raises(TaskError, match=r"a: its process was killed by SIGKILL, 3 times in a row; .*fewer --jobs"):
        run_tasks([make_task("a")], executor, display)
    assert executor.started == ["a"] * 3
    assert not display.open


@pytest.mark.parametrize(
    ("defect", "error", "message"),
    [
        (False, TaskError, r"^fold2-member3: too few clips$"),
        (True, TaskDefect, r"^fold2-member3:\ntoo few clips$"),
    ],
)
def test_a_failure_names_its_task_and_nothing_more_is_started(
    defect: bool, error: type[Exception], message: str
) -> None:
    name = "fold2-member3"
    executor = Scripted(1, {name: [Failed(name, "too few clips", defect)]})
    display = Remembered()
    with pytest.raises(error, match=message):
        run_tasks([make_task(name), make_task("b")], executor, display)
    assert executor.started == [name]
    assert not display.open


def test_a_need_that_nothing_fills_is_refused() -> None:
    executor: Executor = Scripted(1)
    with pytest.raises(ValueError, match="task\\(s\\) b need what no task does"):
        run_tasks([make_task("a"), make_task("b", "z")], executor, Remembered())

from __future__ import annotations

import pickle

from builder.pipeline.calibrated import UNCALIBRATED
from builder.pipeline.fold_task import compile_tasks, fold_tasks
from builder.pipeline.prepared import PreparedClips
from tests.builder.pipeline.filled import fill, fill_compiled


def test_what_all_share_goes_first_then_folds_and_a_student_waits_for_its_own_folds_members(
    prepared: PreparedClips,
) -> None:
    tasks = fold_tasks(prepared, prepared.folds(), "student", "flip on: ")
    shared = ["embed-1", "embed-2"]
    assert [task.name.removeprefix("flip on: ") for task in tasks] == [
        *shared,
        *(f"fold{fold}-member{seed}" for seed in (1, 2) for fold in (0, 1, 2)),
        *(f"fold{fold}-student11" for fold in (0, 1, 2)),
    ]
    assert tasks[-1].needs == ("flip on: fold2-member1", "flip on: fold2-member2")
    assert {task.label for task in tasks} == {"flip on: "}
    assert tasks[2].needs == tuple(f"flip on: {name}" for name in shared)
    members = [task for task in fold_tasks(prepared, prepared.folds(), "student") if "-member" in task.name]
    assert [task.name for task in fold_tasks(prepared, prepared.folds(), "ensemble")] == [
        "embed-1",
        *(task.name for task in members),
    ]


def test_a_task_comes_whole_out_of_another_process(prepared: PreparedClips) -> None:
    clips = prepared.folds()
    tasks = [
        *fold_tasks(prepared, clips, "student"),
        *compile_tasks(prepared, clips, dict.fromkeys(range(3), UNCALIBRATED)),
    ]
    assert pickle.loads(pickle.dumps(tasks)) == tasks  # noqa: S301 - made just here


def test_a_task_is_done_when_its_stages_are_there_and_looking_makes_none(prepared: PreparedClips) -> None:
    tasks = {task.name: task for task in fold_tasks(prepared, prepared.folds(), "student")}
    assert not any(task.is_done() for task in tasks.values())
    assert not list(prepared.work.glob("fold*"))
    second = prepared.recipe.each_member()[1]
    fill(prepared, lambda fold: fold.member(second))
    assert {name for name, task in tasks.items() if task.is_done()} == {
        "embed-1",
        *(f"fold{fold}-member2" for fold in (0, 1, 2)),
    }
    fill(prepared, lambda fold: fold.judged())
    assert all(task.is_done() for name, task in tasks.items() if not name.startswith("embed-"))


def test_a_student_before_pruning_is_done_without_what_comes_after(prepared: PreparedClips) -> None:
    fill(prepared, lambda fold: fold.student())
    clips = prepared.folds()
    before, after = (
        [task.is_done() for task in fold_tasks(prepared, clips, until) if "-student" in task.name]
        for until in ("unpruned", "student")
    )
    assert (before, after) == ([True] * len(clips), [False] * len(clips))


def test_compiling_is_done_for_the_calibration_it_was_done_with(prepared: PreparedClips) -> None:
    other = compile_tasks(prepared, prepared.folds(), dict.fromkeys(range(3), UNCALIBRATED))
    fill_compiled(prepared)
    assert not any(task.is_done() for task in other)

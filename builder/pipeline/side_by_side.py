"""Stages of several folds finished by an executor, each in a process of its own, where there is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

from builder.display import LanedDisplay
from builder.execution.executor import Executor, run_tasks
from builder.execution.task import Task
from builder.pipeline.calibrated import FoldCalibration
from builder.pipeline.compiled_fold import compile_stage
from builder.pipeline.fold_build import FoldBuild
from builder.pipeline.fold_clips import FoldClips
from builder.pipeline.fold_task import Part, compile_tasks, fold_tasks
from builder.pipeline.prepared import PreparedClips
from builder.stages import Stage, StageStore
from runtimes.environment import count_cores

Opening = Callable[[], AbstractContextManager[Executor]]
"""Opens an executor."""


def drawing_workers(executor: Opening | None) -> int:
    """How many processes draw films: one a core of this machine, or this one where nothing is done side by side."""
    return 1 if executor is None else count_cores()


def train_side_by_side(
    prepared: PreparedClips,
    clips: Sequence[FoldClips],
    until: Part,
    executor: Opening | None,
    display: LanedDisplay,
    further: Sequence[Task] = (),
) -> None:
    """Let the executor, if there is one, train some folds, and do ``further`` tasks where it would be idle."""
    if executor is not None:
        with executor() as opened:
            run_tasks([*fold_tasks(prepared, clips, until), *further], opened, display)


def compile_side_by_side(
    prepared: PreparedClips,
    folds: Sequence[FoldBuild],
    calibrations: Mapping[int, FoldCalibration],
    executor: Opening | None,
    store: StageStore,
    display: LanedDisplay,
) -> list[Stage]:
    """The compiled targets of each fold, by the executor if there is one."""
    if executor is not None:
        with executor() as opened:
            tasks = compile_tasks(prepared, [fold.clips for fold in folds], calibrations)
            run_tasks(tasks, opened, display)
    return [
        compile_stage(fold, calibrations[fold.clips.number], prepared.recipe, store, display.progress) for fold in folds
    ]

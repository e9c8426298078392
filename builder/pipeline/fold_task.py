"""One fold's work, or one member's, described so that another process can do it.

All that a task leaves is finished stages: whoever asks for them afterwards finds them there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from builder.display import Display
from builder.pipeline.calibrated import FoldCalibration
from builder.pipeline.compiled_fold import compile_stage
from builder.pipeline.fold_build import FoldBuild, FoldClips
from builder.pipeline.prepared import PreparedClips
from builder.stages import StageStore

Part = Literal["ensemble", "student", "int8"]
"""How far a fold goes: its members, the student pruned and judged, or all targets compiled and judged."""


@dataclass(frozen=True, slots=True)
class MemberTask:
    """One member of one fold."""

    prepared: PreparedClips
    clips: FoldClips
    seed: int
    label: str = ""
    needs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.clips.name}-member{self.seed}"

    def run(self, display: Display) -> None:
        """Train the member, unless it is there."""
        _open(self.prepared, self.clips, display).member(self.seed)


@dataclass(frozen=True, slots=True)
class StudentTask:
    """The student of one fold, from what its members teach to its verdicts after pruning."""

    prepared: PreparedClips
    clips: FoldClips
    needs: tuple[str, ...] = ()
    label: str = ""

    @property
    def name(self) -> str:
        return f"{self.clips.name}-student{self.prepared.recipe.student.seed}"

    def run(self, display: Display) -> None:
        """Train the student and judge it, unless it is there."""
        _open(self.prepared, self.clips, display).judged()


@dataclass(frozen=True, slots=True)
class CompileTask:
    """The targets of one fold, compiled and judged."""

    prepared: PreparedClips
    clips: FoldClips
    calibration: FoldCalibration
    needs: tuple[str, ...] = ()
    label: str = ""

    @property
    def name(self) -> str:
        return f"{self.clips.name}-compile"

    def run(self, display: Display) -> None:
        """Compile and judge, unless it is done."""
        fold = _open(self.prepared, self.clips, display)
        store = StageStore(self.prepared.work, display.stage)
        compile_stage(fold, self.calibration, self.prepared.recipe, store, display.progress)


def fold_tasks(
    prepared: PreparedClips, until: Part, *, folds: Sequence[FoldClips] | None = None, label: str = ""
) -> list[MemberTask | StudentTask]:
    """What trains all judged folds (or ``folds``) as far as ``until``; compiling waits for calibration across them.

    Folds go side by side before members do: members of one fold share a stage, and the second would wait for it.
    """
    clips = prepared.folds() if folds is None else folds
    members = [MemberTask(prepared, fold, seed, label) for seed in prepared.recipe.members.seeds for fold in clips]
    if until == "ensemble":
        return [*members]
    students = [
        StudentTask(prepared, fold, tuple(task.name for task in members if task.clips.number == fold.number), label)
        for fold in clips
    ]
    return [*members, *students]


def compile_tasks(
    prepared: PreparedClips,
    calibrations: Mapping[int, FoldCalibration],
    *,
    folds: Sequence[FoldClips] | None = None,
) -> list[CompileTask]:
    """What compiles all judged folds, or ``folds``."""
    clips = prepared.folds() if folds is None else folds
    return [CompileTask(prepared, fold, calibrations[fold.number]) for fold in clips]


def _open(prepared: PreparedClips, clips: FoldClips, display: Display) -> FoldBuild:
    return prepared.open(clips, StageStore(prepared.work, display.stage), display.progress)

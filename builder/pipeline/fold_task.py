"""One fold's work, or one member's, described so that another process can do it.

All that a task leaves is finished stages: whoever asks for them afterwards finds them there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from builder.display import Display
from builder.members import Member
from builder.pipeline.calibrated import FoldCalibration
from builder.pipeline.compiled_fold import compile_stage
from builder.pipeline.fold_build import FoldBuild
from builder.pipeline.fold_clips import FoldClips
from builder.pipeline.prepared import PreparedClips
from builder.pipeline.pretrained import Embedding, embeddings_of
from builder.stages import Stage, StageStore, is_there

Part = Literal["ensemble", "unpruned", "student", "int8"]
"""How far a fold goes: its members, the student judged before pruning or after, or all targets compiled and judged."""


@dataclass(frozen=True, slots=True)
class EmbedTask:
    """What a pretrained encoder makes of one part of the clips, that at this ``place``, for all folds."""

    prepared: PreparedClips
    embedding: Embedding
    place: int
    number: int
    label: str = ""
    needs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.label}embed-{self.number}"

    def is_done(self) -> bool:
        """Whether it was embedded."""
        return is_there(self.prepared.work, self._look)

    def run(self, display: Display) -> None:
        """Embed, unless it is done."""
        store = StageStore(self.prepared.work, display.stage)
        self.prepared.pretrained(store, display.progress).stage(self.embedding, self.place)

    def _look(self, store: StageStore) -> Stage:
        return self.prepared.pretrained(store, _unseen).stage(self.embedding, self.place)


@dataclass(frozen=True, slots=True)
class MemberTask:
    """One member of one fold."""

    prepared: PreparedClips
    clips: FoldClips
    member: Member
    label: str = ""
    needs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.label}{self.clips.name}-{self.member.name}"

    def is_done(self) -> bool:
        """Whether the member is there."""
        return is_there(self.prepared.work, lambda store: _looking(self, store).member(self.member))

    def run(self, display: Display) -> None:
        """Train the member, unless it is there."""
        fold, _ = _open(self.prepared, self.clips, display)
        fold.member(self.member)


@dataclass(frozen=True, slots=True)
class StudentTask:
    """The student of one fold, from what its members teach to its verdicts before pruning or, ``pruned``, after."""

    prepared: PreparedClips
    clips: FoldClips
    pruned: bool
    needs: tuple[str, ...] = ()
    label: str = ""

    @property
    def name(self) -> str:
        return f"{self.label}{self.clips.name}-student{self.prepared.recipe.student.seed}"

    def is_done(self) -> bool:
        """Whether the student was judged."""
        return is_there(self.prepared.work, lambda store: self._finish(_looking(self, store)))

    def run(self, display: Display) -> None:
        """Train the student and judge it, unless it is there."""
        fold, _ = _open(self.prepared, self.clips, display)
        self._finish(fold)

    def _finish(self, fold: FoldBuild) -> Stage:
        return fold.judged() if self.pruned else fold.student()


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
        return f"{self.label}{self.clips.name}-compile"

    def is_done(self) -> bool:
        """Whether all targets were compiled and judged."""
        return is_there(self.prepared.work, self._look)

    def run(self, display: Display) -> None:
        """Compile and judge, unless it is done."""
        fold, store = _open(self.prepared, self.clips, display)
        compile_stage(fold, self.calibration, self.prepared.recipe, store, display.progress)

    def _look(self, store: StageStore) -> Stage:
        fold = _looking(self, store)
        return compile_stage(fold, self.calibration, self.prepared.recipe, store, _unseen)


def fold_tasks(
    prepared: PreparedClips, clips: Sequence[FoldClips], until: Part, label: str = ""
) -> list[EmbedTask | MemberTask | StudentTask]:
    """What trains folds as far as ``until``; compiling waits for calibration across them.

    All folds wait for what they share, which is embedded side by side.
    """
    wanted = [
        (embedding, place)
        for embedding in embeddings_of(prepared.recipe, student=until != "ensemble")
        for place in prepared.places(embedding)
    ]
    shared = [
        EmbedTask(prepared, embedding, place, number, label) for number, (embedding, place) in enumerate(wanted, 1)
    ]
    embedded = tuple(task.name for task in shared)
    members = [
        MemberTask(prepared, fold, member, label, embedded)
        for member in prepared.recipe.each_member()
        for fold in clips
    ]
    if until == "ensemble":
        return [*shared, *members]
    pruned = until != "unpruned"
    students = [
        StudentTask(prepared, fold, pruned, tuple(one.name for one in members if one.clips == fold), label)
        for fold in clips
    ]
    return [*shared, *members, *students]


def compile_tasks(
    prepared: PreparedClips, clips: Sequence[FoldClips], calibrations: Mapping[int, FoldCalibration]
) -> list[CompileTask]:
    """What compiles folds."""
    return [CompileTask(prepared, fold, calibrations[fold.number]) for fold in clips]


def _open(prepared: PreparedClips, clips: FoldClips, display: Display) -> tuple[FoldBuild, StageStore]:
    store = StageStore(prepared.work, display.stage)
    return prepared.open(clips, store, display.progress), store


def _looking(task: MemberTask | StudentTask | CompileTask, store: StageStore) -> FoldBuild:
    return task.prepared.open(task.clips, store, _unseen)


def _unseen(done: int, total: int, word: str) -> None:
    """Progress of what only looks: there is none."""

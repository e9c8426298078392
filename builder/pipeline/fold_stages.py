"""What one fold leaves for whoever compiles it, releases it and tells of it."""

from __future__ import annotations

from typing import NamedTuple

from builder.pipeline.fold_clips import FoldClips
from builder.stages import Stage


class FoldStages(NamedTuple):
    """The finished stages of a fold that later ones read."""

    clips: FoldClips
    members: tuple[Stage, ...]
    teacher: Stage
    student: Stage
    passes: tuple[Stage, ...]
    judged: Stage

    @property
    def shipped(self) -> Stage:
        """The student as it is compiled: what the last pass left."""
        return (self.student, *self.passes)[-1]

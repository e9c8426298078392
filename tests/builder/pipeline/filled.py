"""Stages that look as if networks had been trained: drawn verdicts where a training would have left its own."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from builder.compilation.catalogue import CPU_TARGETS
from builder.data.clips import Clip
from builder.evaluation.scores import ClipScore, Scores, write_scores
from builder.pipeline.compiled_fold import compile_stage
from builder.pipeline.fold_build import SCORES, FoldBuild
from builder.pipeline.fold_clips import FoldClips
from builder.pipeline.judged import STUDENT, calibrate
from builder.pipeline.prepared import PreparedClips
from builder.stages import Stage, StageStore
from tests.builder.tiny_training import silent


class FilledStore(StageStore):
    """A store whose stages hold drawn verdicts on a fold's held-out clips, and nothing else."""

    def __init__(self, root: Path, clips: FoldClips) -> None:
        super().__init__(root, lambda *_: None)
        self._clips = clips

    def run(self, name: str, inputs: Any, work: Callable[[Path], None]) -> Stage:  # noqa: ARG002 - nothing is done
        def draw(directory: Path) -> None:
            held = (*self._clips.judge, *self._clips.calibrate)
            compiled = (STUDENT, *(target.name for target in CPU_TARGETS)) if name.endswith("compile") else ()
            files = [f"{one}.json" for one in compiled]
            for file in (SCORES, *files):
                write_scores(draw_verdicts(held, self._clips.number, name), directory / file)

        return super().run(name, inputs, draw)


def draw_verdicts(clips: tuple[Clip, ...], fold: int, name: str) -> Scores:
    """Verdicts that are right more often than not, the same for the same stage."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    margins = [float(rng.normal(2.0 if clip.fight else -2.0, 1.5)) for clip in clips]
    return Scores(
        clips=tuple(
            ClipScore(
                clip=clip.name,
                source=clip.source,
                label=1 if clip.fight else 0,
                margin=margin,
                probability=float(1 / (1 + np.exp(-margin))),
                windows=1,
                fold=fold,
            )
            for clip, margin in zip(clips, margins, strict=True)
        )
    )


def fill(prepared: PreparedClips, stage: Callable[[FoldBuild], object]) -> list[FoldBuild]:
    """Let ``stage`` ask each fold for what is to look as if it were there."""
    folds = [prepared.open(clips, FilledStore(prepared.work, clips), silent) for clips in prepared.folds()]
    for fold in folds:
        stage(fold)
    return folds


def fill_compiled(prepared: PreparedClips) -> None:
    """Everything, to the compiled targets."""
    folds = fill(prepared, lambda fold: fold.run())
    calibrations = calibrate(folds)
    for fold in folds:
        store = FilledStore(prepared.work, fold.clips)
        compile_stage(fold, calibrations[fold.clips.number], prepared.recipe, store, silent)

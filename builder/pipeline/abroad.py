"""From one data set to another: learnt from all clips of one folder, judged on all clips of another.

The networks learn from every clip of the first folder, so none of its clips is left to calibrate them on. Their
calibration is that of the same recipe's networks of the folder's folds, from the verdicts that these gave on the clips
that each held out: no clip of the second folder has a part in any number but the figures.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from builder.data.clips import find_clips, require_both_classes
from builder.data.folds import FoldProtocol
from builder.display import LanedDisplay
from builder.errors import DataError
from builder.evaluation.figures import Figures, figure
from builder.evaluation.scores import DECISION, Scores, read_scores, write_scores
from builder.evaluation.scoring import Scorer, score_clips
from builder.members import Member, NetworkSpec
from builder.pipeline.calibrated import UNCALIBRATED, FoldCalibration, apply_calibration, fit_calibration
from builder.pipeline.compiled_fold import compile_stage, open_compiled
from builder.pipeline.curated import CuratedClips
from builder.pipeline.fold_build import SCORES
from builder.pipeline.fold_task import Part
from builder.pipeline.judged import STUDENT, UNPRUNED, Judged, average_folds, stage_scores
from builder.pipeline.prepared import PreparedClips, curate_stage, prepare
from builder.pipeline.side_by_side import Opening, drawing_workers, train_side_by_side
from builder.recipe import Recipe
from builder.report.data import Kind, StageTime
from builder.stages import Stage, StageStore
from models.manifest import Preprocessing

ENSEMBLE = "ensemble"


@dataclass(frozen=True, slots=True)
class AbroadOptions:
    """``calibrated`` asks for the folds of ``train`` too, since they calibrate; without it a clip counts as a fight
    from even odds, as the networks give them."""

    train: Path
    test: Path
    out: Path
    recipe: Recipe
    protocol: FoldProtocol
    until: Part
    calibrated: bool
    code_version: str
    executor: Opening | None = None


class AbroadSubject(msgspec.Struct, frozen=True, kw_only=True):
    """One detector on all clips of the other folder."""

    name: str
    kind: Kind
    figures: Figures
    scores: Scores


class AbroadValidation(msgspec.Struct, frozen=True, kw_only=True):
    """All that was found; intervals resample the sources of ``test``."""

    recipe: str
    version: str
    train: str
    test: str
    calibrated: bool
    sources_known: bool
    seeds: tuple[int, ...]
    until: Part
    subjects: tuple[AbroadSubject, ...]
    stages: tuple[StageTime, ...]


def validate_abroad(options: AbroadOptions, display: LanedDisplay) -> AbroadValidation:
    """Train on all of one folder and judge on all of another; finished stages are not done again.

    Raises ``DataError`` when a file lies in both folders.
    """
    store = StageStore(options.out / "work", display.stage)
    found = find_clips(options.test)
    require_both_classes(found.clips, options.test)
    prepared = prepare(
        options.train,
        options.recipe,
        store,
        display,
        options.code_version,
        options.protocol,
        drawing_workers(options.executor),
    )
    there = CuratedClips(curate_stage("curate", found, options.recipe, store, display).directory)
    require_both_classes(there.clips, options.test)
    _forbid_shared(CuratedClips(prepared.real), there)
    clips = [prepared.whole(), *(prepared.folds() if options.calibrated else [])]
    train_side_by_side(prepared, clips, options.until, options.executor, display)
    judged = _Abroad(options, prepared, there, store, display).judge()
    return AbroadValidation(
        recipe=options.recipe.name,
        version=options.recipe.version,
        train=str(options.train),
        test=str(options.test),
        calibrated=options.calibrated,
        sources_known=found.sources_known,
        seeds=options.recipe.members.seeds,
        until=options.until,
        subjects=tuple(_figured(one, options.recipe.folds.seed) for one in judged),
        stages=tuple(StageTime(stage=stage.name, seconds=stage.seconds) for stage in store.finished),
    )


class _Abroad:
    """The networks that learnt from all of one folder, and the clips of the other."""

    def __init__(
        self,
        options: AbroadOptions,
        prepared: PreparedClips,
        there: CuratedClips,
        store: StageStore,
        display: LanedDisplay,
    ) -> None:
        self._options = options
        self._recipe = options.recipe
        self._there = there
        self._store = store
        self._display = display
        self._whole = prepared.open(prepared.whole(), store, display.progress)
        clips = prepared.folds() if options.calibrated else []
        self._folds = [prepared.open(fold, store, display.progress) for fold in clips]

    def judge(self) -> list[Judged]:
        """Everything as far as is asked, with calibrated probabilities."""
        whole = self._whole
        scores = whole.average([self._member(one, stage) for one, stage in self._each_member()])
        judged = [self._calibrated(ENSEMBLE, "ensemble", scores, average_folds(self._folds))]
        if self._options.until == "ensemble":
            return judged
        scores = self._student(UNPRUNED, whole.student())
        before = stage_scores(self._folds, [fold.student() for fold in self._folds])
        judged.append(self._calibrated(UNPRUNED, "student", scores, before))
        if self._options.until == "unpruned":
            return judged
        scores = self._student(STUDENT, whole.shipped())
        after = stage_scores(self._folds, [fold.judged() for fold in self._folds])
        judged.append(self._calibrated(STUDENT, "student", scores, after))
        return [*judged, *self._judge_artifacts(_calibration(after))] if self._options.until == "int8" else judged

    def _each_member(self) -> Iterator[tuple[Member, Stage]]:
        return zip(self._recipe.each_member(), self._whole.members(), strict=True)

    def _member(self, member: Member, stage: Stage) -> Scores:
        return self._float(member.name, member.spec, stage, member.preprocessing)

    def _student(self, name: str, stage: Stage) -> Scores:
        return self._float(name, self._recipe.student, stage, self._recipe.preprocessing)

    def _judge_artifacts(self, calibration: FoldCalibration) -> list[Judged]:
        compiled = compile_stage(self._whole, calibration, self._recipe, self._store, self._display.progress)
        inputs = (compiled.key, self._there.listed.fingerprint)
        stage = self._store.run("abroad-int8", inputs, partial(self._score_artifacts, compiled, calibration))
        names = [target.name for target in self._recipe.released()]
        return [Judged(name, "artifact", read_scores(stage.directory / f"{name}.json")) for name in names]

    def _score_artifacts(self, compiled: Stage, calibration: FoldCalibration, directory: Path) -> None:
        seen = self._recipe.preprocessing
        for number, target in enumerate(targets := self._recipe.released(), 1):
            with closing(open_compiled(compiled.directory, target.name, seen)) as opened:
                write_scores(self._scores(opened, seen, calibration.temperature), directory / f"{target.name}.json")
            self._display.progress(number, len(targets), target.name)

    def _float(self, name: str, spec: NetworkSpec, trained: Stage, seen: Preprocessing) -> Scores:
        """What the network that a stage left says of the other folder's clips."""

        def work(directory: Path) -> None:
            scorer = self._whole.scorer(self._whole.network(spec, trained, seen), seen)
            write_scores(self._scores(scorer, seen), directory / SCORES)

        stage = self._store.run(f"abroad-{name}", (trained.key, self._there.listed.fingerprint), work)
        return read_scores(stage.directory / SCORES)

    def _scores(self, scorer: Scorer, seen: Preprocessing, temperature: float = 1.0) -> Scores:
        geometry = self._recipe.geometry
        cut = (self._there.samples(clip, geometry, seen) for clip in self._there.clips)
        return score_clips(scorer, cut, geometry, temperature)

    def _calibrated(self, name: str, kind: Kind, scores: Scores, home: dict[int, Scores]) -> Judged:
        return Judged(name, kind, apply_calibration(scores, _calibration(home), frozenset()))


def _calibration(home: dict[int, Scores]) -> FoldCalibration:
    used = [score for scores in home.values() for score in scores.clips]
    return fit_calibration(used, "the folder trained on") if used else UNCALIBRATED


def _figured(judged: Judged, seed: int) -> AbroadSubject:
    figures = figure(judged.scores, DECISION, np.random.default_rng(seed))
    return AbroadSubject(name=judged.name, kind=judged.kind, figures=figures, scores=judged.scores)


def _forbid_shared(here: CuratedClips, there: CuratedClips) -> None:
    known = {clip.sha256 for clip in here.listed.clips}
    shared = [clip.name for clip in there.listed.clips if clip.sha256 in known]
    if shared:
        raise DataError(
            f"{len(shared)} file(s), such as {shared[0]}, lie in both folders; what is learnt from cannot be judged on"
        )

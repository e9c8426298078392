"""The last stage: figures, lineage and artifacts of the shipped fold become the bundle."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.alarms.choice import AlarmChoice
from builder.backbones.registry import build_backbone
from builder.evaluation.scores import DECISION, ClipScore, Scores
from builder.pipeline.calibrated import FoldCalibration
from builder.pipeline.compiled_fold import golden_windows, read_artifacts, shift_head
from builder.pipeline.curated import CuratedClips
from builder.pipeline.fold_build import FoldBuild
from builder.pipeline.fold_stages import FoldStages
from builder.pipeline.judged import Judged
from builder.pipeline.kept_model import keep_model
from builder.pipeline.passes import LOSSES
from builder.pipeline.prepared import NegativeClips
from builder.recipe import Recipe
from builder.release.bundle import assemble_bundle
from builder.release.golden import make_golden
from builder.release.inputs import ReleaseInputs
from builder.release.measuring import with_operations
from builder.report.data import (
    Calibrated,
    DataSummary,
    Epoch,
    ErrorSheet,
    ReportData,
    StageTime,
    Subject,
    TrainingCurve,
)
from builder.stages import Stage, StageStore
from builder.training.network import Network
from models.bundle import Golden
from models.manifest import Calibration, Dataset, Lineage, Parent

if TYPE_CHECKING:
    from pathlib import Path

    from builder.pipeline.build import BuildOptions

SCENES_LICENCE = "Apache-2.0 (drawn by this project)"
WORST = 8
PICTURES = 4
GOLDEN_WINDOWS, GOLDEN_CHOICE = 2, 40


class BuiltFolds(NamedTuple):
    """Everything that the folds left; the first fold's network ships."""

    shipped: FoldBuild
    stages: tuple[FoldStages, ...]
    compiled: tuple[Stage, ...]
    calibrations: dict[int, FoldCalibration]
    judged: tuple[Judged, ...]
    reliabilities: dict[Calibrated, Scores]
    alarms: AlarmChoice | None
    negatives: tuple[NegativeClips, ...] = ()


def release(
    options: BuildOptions, real: CuratedClips, scenes: CuratedClips | None, built: BuiltFolds, store: StageStore
) -> Path:
    """Assemble, sign and pack the bundle of the first fold; returns the packed file."""
    recipe = options.recipe
    calibration = built.calibrations[built.stages[0].clips.number]
    network = built.shipped.network(recipe.student, built.stages[0].shipped, recipe.preprocessing)
    shift_head(network, calibration)
    inputs = ReleaseInputs(
        report=_report(options, real, scenes, built, store),
        compiled=built.compiled[0].directory,
        artifacts=with_operations(
            read_artifacts(built.compiled[0].directory),
            network,
        ),
        golden=_golden(scenes or real, built, network, recipe),
        golden_origin="scene clips drawn by this project" if scenes else f"clips of {options.data.resolve().name}",
        key=options.key,
        shipped_fold=built.stages[0].clips.number,
        size_limit=int(recipe.gate.megabytes * 1_000_000),
    )
    rng = np.random.default_rng(recipe.folds.seed)
    directory = options.out / f"{recipe.name}-{recipe.version}"
    packed = assemble_bundle(directory, inputs, clock=options.clock, generator=rng)
    kept = directory.with_name(f"{directory.name}.model")
    keep_model(kept, built.shipped, network, real, inputs)
    return packed


def _golden(clips: CuratedClips, built: BuiltFolds, network: Network, recipe: Recipe) -> Golden:
    windows = golden_windows(clips, recipe, GOLDEN_CHOICE)
    asked = make_golden(built.shipped.scorer(network, recipe.preprocessing), windows)
    margins = asked.logits[:, 1] - asked.logits[:, 0]
    firmest = [int(np.argmin(margins)), int(np.argmax(margins))][:GOLDEN_WINDOWS]
    return Golden(samples=asked.samples[firmest], logits=asked.logits[firmest])


def _report(
    options: BuildOptions, real: CuratedClips, scenes: CuratedClips | None, built: BuiltFolds, store: StageStore
) -> ReportData:
    recipe = options.recipe
    calibration = built.calibrations[built.stages[0].clips.number]
    thresholds = calibration.thresholds if built.alarms is None else built.alarms.thresholds
    return ReportData(
        name=recipe.name,
        version=recipe.version,
        created=options.now().isoformat(timespec="seconds"),
        protocol=_protocol(options, built, real),
        subjects=tuple(Subject(name=one.name, kind=one.kind, scores=one.scores) for one in built.judged),
        targets=(),
        data=_data(options, real, scenes, built.negatives),
        geometry=recipe.geometry,
        preprocessing=recipe.preprocessing,
        calibration=Calibration(temperature=calibration.temperature, thresholds=thresholds),
        method=recipe.calibration.method,
        reliabilities=built.reliabilities,
        alarms=built.alarms,
        evidence=options.evidence,
        lineage=_lineage(options, real, scenes, built),
        curves=_curves(built),
        errors=_errors(real, built),
        stages=tuple(StageTime(stage=stage.name, seconds=stage.seconds) for stage in store.finished),
        notes=_notes(real),
    )


def _protocol(options: BuildOptions, built: BuiltFolds, real: CuratedClips) -> tuple[str, ...]:
    folds = options.recipe.folds
    first = built.stages[0].clips
    judging = (
        f"{folds.count} folds grouped by source, {folds.judged} of them judged: each clip was judged by networks that"
        " never saw a clip of its source, in training, distillation, pruning or int8 calibration."
    )
    sources = len({clip.source for clip in first.judge})
    shipping = (
        f"The network that ships is that of the first fold: {len(first.train)} clips in training, {len(first.judge)}"
        f" clips of {sources} sources held out. The manifest's figures are of the shipped files on those clips alone;"
        " this report's are pooled over the folds."
    )
    lines = [judging, shipping]
    if first.calibrate:
        lines.append("Temperature and thresholds come from one more fold, kept out of training and of judging.")
    else:
        lines.append(
            "Temperature, shift and thresholds of each fold (three numbers) are fitted to the verdicts that the other "
            "folds' networks gave on their own held-out clips; no clip of the judged fold is among those, though those "
            "networks had it in training."
        )
    if not real.listed.sources_known:
        lines.append("Sources are unknown: each clip counted as its own source, so the figures may be too good.")
    return tuple(lines)


def _notes(real: CuratedClips) -> tuple[str, ...]:
    skipped = len(real.listed.skipped)
    return (f"{skipped} clip(s) could not be decoded and were left out.",) if skipped else ()


def _data(
    options: BuildOptions, real: CuratedClips, scenes: CuratedClips | None, negatives: tuple[NegativeClips, ...]
) -> tuple[DataSummary, ...]:
    parts = [(options.data.resolve().name, options.licence, real, True)]
    if scenes is not None:
        parts.append(("scenes", SCENES_LICENCE, scenes, False))
    parts += [(one.name, one.licence, CuratedClips(one.directory), False) for one in negatives]
    summaries = []
    for name, licence, clips, judged in parts:
        labels = Counter(clip.label for clip in clips.clips)
        summaries.append(
            DataSummary(
                name=name,
                licence=licence,
                fights=labels["fight"],
                calm=labels["noFight"],
                sources=len({clip.source for clip in clips.clips}),
                judged=judged,
                skipped=clips.listed.skipped,
                dropped=clips.listed.dropped,
                joined=clips.listed.joined,
            )
        )
    return tuple(summaries)


def _lineage(options: BuildOptions, real: CuratedClips, scenes: CuratedClips | None, built: BuiltFolds) -> Lineage:
    recipe, clips = options.recipe, built.stages[0].clips
    sets = [
        (options.data.resolve().name, options.licence, real, {clip.source for clip in clips.train}, len(clips.train))
    ]
    if scenes is not None:
        sources = {clip.source for clip in scenes.clips}
        sets.append(("scenes", SCENES_LICENCE, scenes, sources, len(scenes.clips)))
    for one in built.negatives:
        more = CuratedClips(one.directory)
        sets.append((one.name, one.licence, more, {clip.source for clip in more.clips}, len(more.clips)))
    return Lineage(
        code_version=options.code_version,
        recipe=msgspec.to_builtins(recipe),
        seeds=(*recipe.members.seeds, recipe.student.seed),
        datasets=tuple(
            Dataset(name=name, licence=licence, clips=count, sources=len(sources), fingerprint=given.listed.fingerprint)
            for name, licence, given, sources, count in sets
        ),
        parents=_parents(options),
        held_out_sources=tuple(sorted({clip.source for clip in (*clips.judge, *clips.calibrate)})),
    )


def _parents(options: BuildOptions) -> tuple[Parent, ...]:
    recipe = options.recipe
    specs = dict.fromkeys((recipe.student.backbone, *(member.spec.backbone for member in recipe.each_member())))
    size, channels = recipe.preprocessing.size, len(recipe.preprocessing.channels)
    return tuple(dict.fromkeys(build_backbone(spec, size, channels).parent for spec in specs))


def _curves(built: BuiltFolds) -> tuple[TrainingCurve, ...]:
    curves = []
    for stages in built.stages:
        runs = [(f"member-{index}", stage) for index, stage in enumerate(stages.members, 1)]
        passes = [(stage.name.removeprefix(f"{stages.clips.name}-"), stage) for stage in stages.passes]
        for run, stage in (*runs, ("student", stages.student), *passes):
            losses = msgspec.json.decode((stage.directory / LOSSES).read_bytes(), type=dict[str, list[float]])
            # What trains the encoder tells more than what trains its head; a pass may train neither.
            told = next((losses[name] for name in ("tune", "prune", "probe") if losses.get(name)), [])
            epochs = tuple(Epoch(epoch=number, loss=loss) for number, loss in enumerate(told, 1))
            curves.append(TrainingCurve(run=run, fold=stages.clips.number, epochs=epochs))
    return tuple(curves)


def _errors(real: CuratedClips, built: BuiltFolds) -> tuple[ErrorSheet, ...]:
    student = next(one for one in built.judged if one.kind == "student")
    wrong = [score for score in student.scores.clips if (score.probability >= DECISION) != bool(score.label)]
    worst = sorted(wrong, key=lambda score: -abs(score.probability - score.label))[:WORST]
    clips = {clip.name: clip for clip in real.clips}
    return tuple(_sheet(score, _thumbnails(real.wide(clips[score.clip]).frames)) for score in worst)


def _sheet(score: ClipScore, pictures: tuple[bytes, ...]) -> ErrorSheet:
    return ErrorSheet(
        clip=score.clip, source=score.source, label=score.label, probability=score.probability, pictures=pictures
    )


def _thumbnails(frames: NDArray[np.uint8]) -> tuple[bytes, ...]:
    places = np.linspace(0, len(frames) - 1, PICTURES).astype(int)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 60]
    return tuple(cv2.imencode(".jpg", frames[place], quality)[1].tobytes() for place in places)

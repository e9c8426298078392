"""A float model compiled for some targets, each proved beside it on held-out clips, and sealed as a bundle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
from cryptography.hazmat.primitives.asymmetric import ec

from builder.compilation.catalogue import Target
from builder.compilation.float_model import FloatModel
from builder.compilation.int8_calibration import calibrate_int8
from builder.compilation.judged_targets import compile_judged
from builder.compilation.sensitivity import explain_int8
from builder.compilation.targets import Calibrating
from builder.evaluation.figures import Figures, figure
from builder.evaluation.parity import Parity, manifest_accuracy, require_parities
from builder.evaluation.scores import DECISION, Scores, read_scores
from builder.evaluation.scoring import FloatScorer, Scorer, score_clips
from builder.release.bill_of_materials import BILL, bill_of_materials, installed_packages
from builder.release.bundle import copy_artifact
from builder.release.golden import write_golden
from builder.release.measuring import target_facts, with_latency, with_operations
from builder.release.sealing import seal_bundle
from builder.report.data import TargetFacts
from builder.training.fit import Progress
from builder.training.network import traced
from models.bundle import GOLDEN, MANIFEST
from models.manifest import Artifact, Manifest

COMPILED = "compiled.json"
SEED = 0


@dataclass(frozen=True, slots=True)
class CompileOptions:
    """Where the bundle goes, who signs it, what time it is, and a ``clock`` of seconds to measure latency by."""

    out: Path
    key: ec.EllipticCurvePrivateKey
    now: Callable[[], datetime]
    clock: Callable[[], float]


class CompiledTarget(msgspec.Struct, frozen=True, kw_only=True):
    """One target: what it says of the held-out clips, how far it is from the float model, its size and speed."""

    name: str
    figures: Figures
    parity: Parity
    facts: TargetFacts


class CompiledModel(msgspec.Struct, frozen=True, kw_only=True):
    """``compiled.json``: the float model on the held-out clips, and every target beside it."""

    name: str
    version: str
    student: Figures
    targets: tuple[CompiledTarget, ...]


def compile_model(
    model: FloatModel, targets: Sequence[Target], options: CompileOptions, progress: Progress
) -> tuple[Path, CompiledModel]:
    """Compile, prove, measure and seal; returns the packed bundle and its figures.

    Raises ``ParityError``, and leaves nothing, when a target is over the model's budget.
    """
    with TemporaryDirectory(prefix="nexara-compile-") as folder:
        aside = Path(folder)
        facts = model.facts
        calibrating = calibrate_int8(
            model.network, model.calibrating, targets, facts.preprocessing, facts.rounding, facts.float_layers
        )
        artifacts, student = _compile(model, targets, calibrating, aside, progress)
        scores = {target.name: read_scores(aside / f"{target.name}.json") for target in targets}
        parities = require_parities(
            student,
            scores,
            threshold=DECISION,
            budget=model.facts.budget,
            generator=np.random.default_rng(SEED),
            explain=partial(explain_int8, targets, model.network, calibrating, model.facts.preprocessing),
        )
        measured = with_latency(with_operations(artifacts, model.network), aside, options.clock)
        compiled = _figures(model, student, scores, parities, target_facts(measured, aside))
        judged = _with_accuracy(measured, compiled)
        fill = partial(_fill, model, judged, compiled, aside, options.now().isoformat(timespec="seconds"))
        packed = seal_bundle(options.out / f"{model.facts.name}-{model.facts.version}", fill, options.key)
    return packed, compiled


def _compile(
    model: FloatModel, targets: Sequence[Target], calibrating: Calibrating, directory: Path, progress: Progress
) -> tuple[tuple[Artifact, ...], Scores]:
    facts, network = model.facts, model.network
    seen = facts.preprocessing

    def judge(scorer: Scorer) -> Scores:
        return score_clips(scorer, model.held_out, facts.geometry, facts.calibration.temperature)

    student = judge(FloatScorer(traced(network.encoder), traced(network.head), seen))
    return compile_judged(targets, network, calibrating, seen, judge, directory, progress), student


def _figures(
    model: FloatModel,
    student: Scores,
    scores: dict[str, Scores],
    parities: Sequence[Parity],
    facts: Sequence[TargetFacts],
) -> CompiledModel:
    return CompiledModel(
        name=model.facts.name,
        version=model.facts.version,
        student=figure(student, DECISION, np.random.default_rng(SEED)),
        targets=tuple(
            CompiledTarget(
                name=parity.target,
                figures=figure(scores[parity.target], DECISION, np.random.default_rng(SEED)),
                parity=parity,
                facts=fact,
            )
            for parity, fact in zip(parities, facts, strict=True)
        ),
    )


def _with_accuracy(artifacts: Sequence[Artifact], compiled: CompiledModel) -> tuple[Artifact, ...]:
    accuracies = {one.name: manifest_accuracy(one.figures, one.parity.difference) for one in compiled.targets}
    return tuple(msgspec.structs.replace(one, accuracy=accuracies[one.target]) for one in artifacts)


def _fill(
    model: FloatModel, artifacts: Sequence[Artifact], compiled: CompiledModel, aside: Path, created: str, whole: Path
) -> None:
    facts = model.facts
    for artifact in artifacts:
        copy_artifact(artifact, aside, whole)
    manifest = Manifest(
        name=facts.name,
        version=facts.version,
        created=created,
        geometry=facts.geometry,
        preprocessing=facts.preprocessing,
        calibration=facts.calibration,
        artifacts=tuple(artifacts),
        lineage=facts.lineage,
    )
    for name, content in ((MANIFEST, manifest), (COMPILED, compiled)):
        (whole / name).write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
    (whole / BILL).write_bytes(bill_of_materials(manifest, installed_packages()))
    write_golden(model.golden, whole / GOLDEN)

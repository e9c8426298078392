"""Assembling a bundle: a directory beside its packed file, signed, and opened again before it is given out."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from builder.evidence.reading import require_own
from builder.release.bill_of_materials import BILL, bill_of_materials, installed_packages
from builder.release.error_picture import write_pictures
from builder.release.golden import write_golden
from builder.release.inputs import ReleaseError, ReleaseInputs
from builder.release.measuring import target_facts, with_accuracy, with_latency
from builder.release.model_card import MODEL_CARD, render_card
from builder.release.sealing import seal_bundle
from builder.report.data import ReportData
from builder.report.figures import make_figures
from builder.report.page import write_report
from models.bundle import GOLDEN, MANIFEST
from models.manifest import Artifact, Manifest

_log = logging.getLogger(__name__)


def assemble_bundle(
    directory: Path, inputs: ReleaseInputs, *, clock: Callable[[], float], generator: np.random.Generator
) -> Path:
    """Write the bundle to ``directory`` and packed to ``<directory>.nexara``, whose path is given back.

    Written aside and moved into place when it is whole and has passed its own checks: signature, hashes, and the golden
    self-test of every target. ``clock`` gives seconds. Raises ``ReleaseError`` when an artifact is missing or was not
    evaluated or the packed file is over its limit, ``EvidenceError`` when figures are of another build, and
    ``NoRuntimeError`` when a target fails its self-test.
    """

    def fill(whole: Path) -> None:
        _fill(whole, inputs, clock, generator)

    return seal_bundle(directory, fill, inputs.key, inputs.size_limit)


def _fill(directory: Path, inputs: ReleaseInputs, clock: Callable[[], float], generator: np.random.Generator) -> None:
    for artifact in inputs.artifacts:
        copy_artifact(artifact, inputs.compiled, directory)
    measured = with_latency(inputs.artifacts, directory, clock)
    report = msgspec.structs.replace(inputs.report, targets=target_facts(measured, directory))
    figures = write_report(report, directory, generator)
    shipped = make_figures(_only_fold(report, inputs.shipped_fold), generator)
    manifest = _manifest(report, with_accuracy(measured, shipped))
    require_own(report.evidence, manifest.fingerprint())
    document = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    (directory / MANIFEST).write_bytes(document + b"\n")
    (directory / BILL).write_bytes(bill_of_materials(manifest, installed_packages()))
    card = render_card(figures, inputs.golden_origin, write_pictures(report.errors, directory))
    (directory / MODEL_CARD).write_text(card, encoding="utf-8")
    write_golden(inputs.golden, directory / GOLDEN)


def _only_fold(report: ReportData, fold: int | None) -> ReportData:
    if fold is None:
        return report
    subjects = (msgspec.structs.replace(one, scores=one.scores.fold(fold)) for one in report.subjects)
    return msgspec.structs.replace(report, subjects=tuple(subjects))


def copy_artifact(artifact: Artifact, compiled: Path, directory: Path) -> None:
    """Copy a compiled file into a bundle. Raises ``ReleaseError`` when it is missing."""
    source, destination = compiled / artifact.file, directory / artifact.file
    if not source.is_file():
        raise ReleaseError(
            f"{source}: no such file, though {artifact.target} {artifact.stage} names it; compile it again"
        )
    destination.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, destination)


def _manifest(report: ReportData, artifacts: tuple[Artifact, ...]) -> Manifest:
    return Manifest(
        name=report.name,
        version=report.version,
        created=report.created,
        geometry=report.geometry,
        preprocessing=report.preprocessing,
        calibration=report.calibration,
        artifacts=artifacts,
        lineage=report.lineage,
    )

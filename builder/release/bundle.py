"""Assembling a bundle: a directory beside its packed file, signed, and opened again before it is given out."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
from cryptography.hazmat.primitives import serialization

from builder.evidence.reading import require_own
from builder.release.error_picture import write_pictures
from builder.release.golden import write_golden
from builder.release.inputs import ReleaseError, ReleaseInputs
from builder.release.measuring import target_facts, with_accuracy, with_latency
from builder.release.model_card import MODEL_CARD, render_card
from builder.report.data import ReportData
from builder.report.figures import make_figures
from builder.report.page import write_report
from models.archive import SUFFIX
from models.bundle import GOLDEN, MANIFEST, open_bundle, pack
from models.manifest import Artifact, Manifest
from models.signing import sign
from models.trust import TrustStore, read_key
from runtimes.detector import open_detector

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
    aside = directory.parent / f".{directory.name}.partial"
    shutil.rmtree(aside, ignore_errors=True)
    # A signature names the folder it signs, so the last part of the path is the final one from the start.
    whole = aside / directory.name
    whole.mkdir(parents=True)
    try:
        _fill(whole, inputs, clock, generator)
        sign(whole, inputs.key)
        packed = pack(whole, aside / f"{directory.name}{SUFFIX}")
        _check_size(packed, whole, inputs.size_limit)
        _check_opening(packed, inputs)
        shutil.rmtree(directory, ignore_errors=True)
        whole.replace(directory)
        return packed.replace(directory.with_name(f"{directory.name}{SUFFIX}"))
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _fill(directory: Path, inputs: ReleaseInputs, clock: Callable[[], float], generator: np.random.Generator) -> None:
    for artifact in inputs.artifacts:
        _copy(artifact, inputs.compiled, directory)
    measured = with_latency(inputs.artifacts, directory, clock)
    report = msgspec.structs.replace(inputs.report, targets=target_facts(measured, directory))
    figures = write_report(report, directory, generator)
    shipped = make_figures(_only_fold(report, inputs.shipped_fold), generator)
    manifest = _manifest(report, with_accuracy(measured, shipped))
    require_own(report.evidence, manifest.fingerprint())
    document = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    (directory / MANIFEST).write_bytes(document + b"\n")
    card = render_card(figures, inputs.golden_origin, write_pictures(report.errors, directory))
    (directory / MODEL_CARD).write_text(card, encoding="utf-8")
    write_golden(inputs.golden, directory / GOLDEN)


def _only_fold(report: ReportData, fold: int | None) -> ReportData:
    if fold is None:
        return report
    subjects = (msgspec.structs.replace(one, scores=one.scores.fold(fold)) for one in report.subjects)
    return msgspec.structs.replace(report, subjects=tuple(subjects))


def _copy(artifact: Artifact, compiled: Path, directory: Path) -> None:
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


def _check_size(packed: Path, directory: Path, limit: int | None) -> None:
    size = packed.stat().st_size
    if limit is None or size <= limit:
        return
    files = [path for path in directory.rglob("*") if path.is_file()]
    largest = sorted(files, key=lambda path: -path.stat().st_size)[:3]
    named = ", ".join(f"{path.relative_to(directory)} {path.stat().st_size / 1e6:.2f} MB" for path in largest)
    raise ReleaseError(
        f"{directory.name} packs to {size / 1e6:.2f} MB, at most {limit / 1e6:.2f} MB are allowed; largest: {named}; "
        "store float weights as float16, cut the backbone earlier, or raise the limit"
    )


def _check_opening(packed: Path, inputs: ReleaseInputs) -> None:
    """Open the file as its user will; opening a target runs its golden self-test."""
    pem = inputs.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    bundle = open_bundle(packed, TrustStore(keys=(read_key("signing key", pem),)))
    for target in bundle.manifest.targets():
        with closing(open_detector(bundle, target=target)) as detector:
            _log.info("%s opened and passed its self-test", detector.description)

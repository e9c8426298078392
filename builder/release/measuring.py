"""Size and latency of compiled artifacts, and their accuracy out of a report's figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from builder.evaluation.latency import measure_latency
from builder.evaluation.opening import open_artifact, standing_in
from builder.evaluation.operations import count_multiply_adds
from builder.evaluation.parity import manifest_accuracy
from builder.release.inputs import ReleaseError
from builder.report.data import TargetFacts
from builder.report.figures import ReportFigures
from builder.training.network import Network
from models.manifest import Artifact, Latency


def with_latency(
    artifacts: Sequence[Artifact], directory: Path, clock: Callable[[], float], *, runs: int = 100
) -> tuple[Artifact, ...]:
    """The artifacts with their latency on this machine, one thread, through the runtimes that devices use; without,
    where their engine is not here."""
    return tuple(
        artifact
        if standing_in(artifact)
        else msgspec.structs.replace(artifact, latency=_latency(artifact, directory, clock, runs))
        for artifact in artifacts
    )


def with_operations(artifacts: Sequence[Artifact], network: Network) -> tuple[Artifact, ...]:
    """The artifacts with how much arithmetic they are, which compiling does not change."""
    counts = {"encoder": count_multiply_adds(network.encoder), "head": count_multiply_adds(network.head)}
    return tuple(msgspec.structs.replace(one, multiply_adds=counts[one.stage]) for one in artifacts)


def with_accuracy(artifacts: Sequence[Artifact], figures: ReportFigures) -> tuple[Artifact, ...]:
    """The artifacts with their target's accuracy; raises ``ReleaseError`` for a target that was not judged."""
    return tuple(_with_accuracy(artifact, figures) for artifact in artifacts)


def target_facts(artifacts: Sequence[Artifact], directory: Path) -> tuple[TargetFacts, ...]:
    """Size and speed of each target, in the order of ``artifacts``; raises ``ReleaseError`` for an incomplete one."""
    names = dict.fromkeys(artifact.target for artifact in artifacts)
    return tuple(_facts(name, artifacts, directory) for name in names)


def _latency(artifact: Artifact, directory: Path, clock: Callable[[], float], runs: int) -> Latency:
    session = open_artifact(artifact, directory)
    try:
        return measure_latency(session, artifact, clock=clock, runs=runs)
    finally:
        session.close()


def _with_accuracy(artifact: Artifact, figures: ReportFigures) -> Artifact:
    subject = figures.subject(artifact.target)
    if subject is None or subject.against_student is None:
        judged = ", ".join(subject.name for subject in figures.subjects)
        raise ReleaseError(f"target {artifact.target} was not evaluated; the report judges {judged}: evaluate it first")
    return msgspec.structs.replace(artifact, accuracy=manifest_accuracy(subject.figures, subject.against_student))


def _facts(name: str, artifacts: Sequence[Artifact], directory: Path) -> TargetFacts:
    parts = {artifact.stage: artifact for artifact in artifacts if artifact.target == name}
    encoder, head = parts.get("encoder"), parts.get("head")
    if encoder is None or head is None:
        raise ReleaseError(f"target {name} needs an encoder and a head; found {', '.join(parts)}")
    return TargetFacts(
        target=name,
        precision=encoder.precision,
        engine=encoder.requires.engine,
        encoder_bytes=(directory / encoder.file).stat().st_size,
        head_bytes=(directory / head.file).stat().st_size,
        encoder_latency=encoder.latency,
        head_latency=head.latency,
        standing_in=None if (stand_in := standing_in(encoder)) is None else stand_in.engine,
    )

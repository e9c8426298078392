"""Show a bundle to a person: what it is, what it was measured to do, where it comes from, and who signed it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from models.bundle import Bundle, open_bundle
from models.manifest import Accuracy, Artifact, Latency, Lineage, Manifest
from models.signing import SignatureStatus
from models.trust import TrustStore

_INDENT = "  "
_MEGABYTE = 1_000_000


def main(argv: list[str]) -> int:
    """Print a bundle's manifest for a person."""
    parser = argparse.ArgumentParser(prog="nexara show", description=main.__doc__)
    parser.add_argument("bundle", type=Path, help="bundle directory or .nexara file")
    parser.add_argument("--key", type=Path, action="append", default=[], help="public key (PEM) to trust besides")
    arguments = parser.parse_args(argv)
    # Looking is safe: whoever signed it is shown, and files that differ from their hashes are refused all the same.
    trust = TrustStore.load(arguments.key, accept="unsigned")
    print("\n".join(describe(open_bundle(arguments.bundle, trust))))
    return 0


def describe(bundle: Bundle) -> Iterator[str]:
    """The lines that ``nexara show`` prints."""
    manifest = bundle.manifest
    yield f"{manifest.name} {manifest.version}  ({bundle.path})"
    yield from _facts(
        ("task", f"{manifest.task}: {' or '.join(manifest.classes)}"),
        ("created", manifest.created),
        ("format", manifest.format),
        ("size", f"{_readable(sum(len(bundle.read(name)) for name in bundle.names))} in {len(bundle.names)} files"),
        ("signature", _signature(bundle.signature)),
    )
    yield from _facts(*_geometry(manifest))
    yield ""
    yield from _table(("target", "stage", "precision", "engine", "size", "latency p50 / p99"), _artifact_rows(bundle))
    yield ""
    yield from _table(("target", "accuracy", "AUC", "recall", "specificity", "off float"), _accuracy_rows(manifest))
    yield ""
    yield from _lineage(manifest.lineage)


def _geometry(manifest: Manifest) -> Iterator[tuple[str, str]]:
    geometry, preprocessing, calibration = manifest.geometry, manifest.preprocessing, manifest.calibration
    height, width = preprocessing.size
    thresholds = calibration.thresholds
    yield (
        "window",
        f"{geometry.samples} samples at {geometry.rate_hz:g} a second, frames {geometry.frame_gap_s:g} s apart",
    )
    yield (
        "sample",
        f"{height} x {width}, {' + '.join(preprocessing.channels)} (differences x {preprocessing.difference_gain:g})",
    )
    if preprocessing.close_up is not None:
        rows, columns = preprocessing.close_up.canvas
        share = preprocessing.close_up.share
        yield "close-up", f"the {share:g} of each side of {rows} x {columns} that moves most, beside the whole picture"
    yield "input", f"(value - {preprocessing.mean:g}) / {preprocessing.scale:g}"
    levels = f"wake {thresholds.wake:g}, alert {thresholds.alert:g}, clear {thresholds.clear:g}"
    yield "thresholds", f"{levels} (temperature {calibration.temperature:g})"


def _artifact_rows(bundle: Bundle) -> Iterator[tuple[str, ...]]:
    for artifact in bundle.manifest.artifacts:
        yield (
            artifact.target,
            artifact.stage,
            artifact.precision,
            _requirement(artifact),
            _readable(len(bundle.read(artifact.file))),
            _latency(artifact.latency),
        )


def _accuracy_rows(manifest: Manifest) -> Iterator[tuple[str, ...]]:
    for target in manifest.targets():
        accuracy = next((a.accuracy for a in manifest.artifacts if a.target == target and a.accuracy), None)
        yield (target, *(_figures(accuracy) if accuracy else ("not measured", "", "", "", "")))


def _figures(accuracy: Accuracy) -> tuple[str, ...]:
    overall, auc = accuracy.accuracy, accuracy.auc
    clips = f"{accuracy.clips} clips of {accuracy.sources} sources"
    return (
        f"{overall.value:.1%} ({overall.low:.1%} to {overall.high:.1%}, {clips})",
        f"{auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f})",
        f"{accuracy.recall:.1%}",
        f"{accuracy.specificity:.1%}",
        f"{accuracy.largest_deviation:.3f}",
    )


def _lineage(lineage: Lineage) -> Iterator[str]:
    yield f"built by nexaravision {lineage.code_version}, seeds {', '.join(map(str, lineage.seeds))}"
    for dataset in lineage.datasets:
        yield (
            f"{_INDENT}trained on {dataset.name} ({dataset.licence}): {dataset.clips} clips of {dataset.sources} "
            f"sources, fingerprint {dataset.fingerprint[:16]}"
        )
    for parent in lineage.parents:
        yield f"{_INDENT}began from {parent.name} ({parent.licence}), {parent.origin}"
    yield f"{_INDENT}{len(lineage.held_out_sources)} sources held out"


def _signature(status: SignatureStatus) -> str:
    if status.state == "unsigned":
        return "NONE: nobody vouches for this bundle"
    key = (status.fingerprint or "")[:16]
    if status.state == "untrusted":
        return f"by key {key}, which is NOT TRUSTED here"
    return f"good, by trusted key {key} ({status.key})"


def _requirement(artifact: Artifact) -> str:
    requires = artifact.requires
    versions = "".join(
        f" {sign} {version}"
        for sign, version in ((">=", requires.min_version), ("<=", requires.max_version))
        if version is not None
    )
    places = (*requires.host_architectures, *requires.gpu_architectures)
    return f"{requires.engine}{versions}" + (f" on {', '.join(places)}" if places else "")


def _latency(latency: Latency | None) -> str:
    if latency is None:
        return "not measured"
    return (
        f"{latency.p50_ms:.2f} / {latency.p99_ms:.2f} ms (batch {latency.batch}, {latency.threads} threads, "
        f"{latency.machine})"
    )


def _readable(size: int) -> str:
    return f"{size / 1e6:.2f} MB" if size >= _MEGABYTE else f"{size / 1e3:.1f} kB"


def _facts(*facts: tuple[str, str]) -> Iterator[str]:
    return (f"{_INDENT}{name:<11}{value}" for name, value in facts)


def _table(header: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    lines: Sequence[tuple[str, ...]] = (header, *rows)
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        yield _INDENT + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()

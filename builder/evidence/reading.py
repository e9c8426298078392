"""Reading evidence: which command wrote a file is told by what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from builder.errors import BuilderError
from builder.evidence.cross_dataset import CrossDatasetEvidence
from builder.evidence.cross_validation import CrossValidationEvidence
from builder.evidence.degradation import DegradationEvidence
from builder.evidence.false_alarms import FalseAlarmEvidence
from builder.evidence.kinds import Evidence

_KEYS_TOLD = 8
_AGAIN = "build it without them, measure it, and build again, which trains nothing anew"


class EvidenceError(BuilderError):
    """A file given as evidence is none, or is about another bundle."""


class _Kind(NamedTuple):
    """A struct, the keys by which its files are told from all others, and the command that writes them."""

    type: type[Evidence]
    keys: frozenset[str]
    command: str


_KINDS = (
    _Kind(
        CrossValidationEvidence,
        frozenset({"recipe", "data", "protocol", "folds", "subjects"}),
        "nexara crossval --data DIR --json FILE",
    ),
    _Kind(
        CrossDatasetEvidence,
        frozenset({"recipe", "train", "test", "subjects"}),
        "nexara crossval --train DIR --test DIR --json FILE",
    ),
    _Kind(
        DegradationEvidence,
        frozenset({"bundle", "version", "data", "targets"}),
        "nexara evaluate --degraded --json FILE",
    ),
    _Kind(
        FalseAlarmEvidence,
        frozenset({"bundle", "places", "shipped", "curve"}),
        "python -m benchmarks.false_alarms --json FILE",
    ),
)


def read_evidence(paths: Sequence[Path], name: str, version: str) -> tuple[Evidence, ...]:
    """Read each file, in the order given, for the bundle of this name and version.

    Raises ``EvidenceError`` for a file that none of the commands wrote, or that is about another bundle or version.
    """
    return tuple(_read(path, f"{name} {version}") for path in paths)


def require_own(evidence: Sequence[Evidence], fingerprint: str) -> None:
    """Raise ``EvidenceError`` for figures of a bundle that bears the same name and version and is another: whose files
    or thresholds are not those of the one with this ``fingerprint``."""
    for one in evidence:
        if isinstance(one, (DegradationEvidence, FalseAlarmEvidence)) and one.fingerprint != fingerprint:
            command = next(kind.command for kind in _KINDS if kind.type is type(one))
            raise EvidenceError(
                f"what `{command}` found is of another build of {one.measured} ({one.fingerprint[:12]}, and this one "
                f"is {fingerprint[:12]}): other files or thresholds, and only its own figures are allowed: {_AGAIN}"
            )


def _read(path: Path, bundle: str) -> Evidence:
    content = _content(path)
    kind = _recognise(content, path)
    try:
        evidence = msgspec.json.decode(content, type=kind.type)
    except msgspec.MsgspecError as error:
        raise EvidenceError(f"{path}: not what `{kind.command}` writes: {error}; write it again with that") from error
    if evidence.measured != bundle:
        raise EvidenceError(
            f"{path}: `{kind.command}` measured {evidence.measured}, and {bundle} is built; only its own figures are "
            f"allowed: {_AGAIN}"
        )
    return evidence


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise EvidenceError(
            f"{path}: cannot be read: {error.strerror or error}; give --evidence another file"
        ) from error


def _recognise(content: bytes, path: Path) -> _Kind:
    try:
        keys = list(msgspec.json.decode(content, type=dict[str, msgspec.Raw]))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise EvidenceError(f"{path}: no JSON object: {error}; {_allowed()}") from error
    kind = next((kind for kind in _KINDS if kind.keys <= set(keys)), None)
    if kind is None:
        told = ", ".join(keys[:_KEYS_TOLD]) or "none"
        raise EvidenceError(f"{path}: no evidence; its keys are {told}{' …' * (len(keys) > _KEYS_TOLD)}; {_allowed()}")
    return kind


def _allowed() -> str:
    return f"allowed is what one of these writes: {'; '.join(f'`{kind.command}`' for kind in _KINDS)}"

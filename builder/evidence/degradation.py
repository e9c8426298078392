"""What ``nexara evaluate --degraded`` found of a bundle: clips, and the same as recorded off a screen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec

from builder.evidence.judged import SOURCES_UNKNOWN, JudgedFigures, folder_name
from builder.evidence.table import EvidenceTable
from builder.table import decimal
from models.manifest import Interval

_HEADS = ("target", "clips", "accuracy", "AUC", "recall at 5 % false positives", "other verdicts")
_NOT_HELD_OUT = (
    "Not limited to sources that the bundle held out of training: if these are clips that it was built from, the "
    "figures are too good."
)
_COPIES = (
    "Copies are drawn as recorded or filmed off the screen of a recorder's wall. Differences are degraded less clean, "
    "paired by clip; brackets are 95 % intervals over sources."
)


class DegradedTarget(msgspec.Struct, frozen=True, kw_only=True):
    """One target's figures."""

    target: str
    figures: JudgedFigures


class DegradedChange(msgspec.Struct, frozen=True, kw_only=True):
    """Degraded less clean, paired by clip; ``flips`` counts the clips whose verdict differs."""

    accuracy: Interval
    auc: Interval | None
    flips: int


class DegradedCopies(msgspec.Struct, frozen=True, kw_only=True):
    """The targets on degraded copies that ``seed`` drew, and what changed."""

    seed: int
    targets: tuple[DegradedTarget, ...]
    changes: dict[str, DegradedChange]


class DegradationEvidence(msgspec.Struct, frozen=True, kw_only=True, tag_field="evidence", tag="degradation"):
    """Some of ``builder.evaluation.bundle.Evaluation``; ``data`` is the folder's name, without its path,
    and ``fingerprint`` that of the bundle's manifest."""

    bundle: str
    version: str
    fingerprint: str
    data: str
    sources_known: bool
    targets: Annotated[tuple[DegradedTarget, ...], msgspec.Meta(min_length=1)]
    degraded: DegradedCopies
    held_out: bool = False

    def __post_init__(self) -> None:
        """Raises ``ValueError`` when clean and degraded figures are not of the same targets."""
        msgspec.structs.force_setattr(self, "data", folder_name(self.data))
        names = [one.target for one in self.targets]
        degraded = [one.target for one in self.degraded.targets]
        if names != degraded or set(names) != set(self.degraded.changes):
            raise ValueError(f"clean clips were judged by {', '.join(names)}, degraded ones by {', '.join(degraded)}")

    @property
    def measured(self) -> str:
        """Name and version of the bundle."""
        return f"{self.bundle} {self.version}"

    def table(self) -> EvidenceTable:
        """Clean, degraded and their difference, target by target."""
        first = self.targets[0].figures
        sources = f" of {first.sources} sources" if self.sources_known else ""
        held_out = "held out, " if self.held_out else ""
        return EvidenceTable(
            title=(
                f"Degraded as screen recordings: {self.measured} on {self.data}, {first.clips_told()}{sources}, "
                f"{held_out}copies of seed {self.degraded.seed}"
            ),
            head=_HEADS,
            rows=tuple(self._rows()),
            notes=(
                _COPIES,
                *(() if self.sources_known else (SOURCES_UNKNOWN,)),
                *(() if self.held_out else (_NOT_HELD_OUT,)),
            ),
        )

    def _rows(self) -> Iterator[tuple[str, ...]]:
        for clean, degraded in zip(self.targets, self.degraded.targets, strict=True):
            change = self.degraded.changes[clean.target]
            yield (clean.target, "clean", *clean.figures.cells(), "")
            yield ("", "degraded", *degraded.figures.cells(), "")
            yield ("", "difference", _points(change.accuracy), decimal(change.auc, signed=True), "", str(change.flips))


def _points(change: Interval) -> str:
    return f"{100 * change.value:+.1f} points [{100 * change.low:+.1f}, {100 * change.high:+.1f}]"

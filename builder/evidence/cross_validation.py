"""What ``nexara crossval --data`` found of a recipe, on grouped or on random folds."""

from __future__ import annotations

from typing import Annotated

import msgspec

from builder.data.folds import FoldProtocol
from builder.evidence.judged import HEADS, SOURCES_UNKNOWN, JudgedFigures, folder_name, rows_shown
from builder.evidence.table import EvidenceTable

_INTERVALS: dict[FoldProtocol, str] = {
    "grouped": "No source is on both sides of a fold; brackets are 95 % intervals over sources.",
    "random": (
        "Clips were dealt out at random, so cameras are on both sides of each fold: this is no promise for a camera "
        "that was never seen. Brackets are 95 % intervals over clips."
    ),
}


class PooledSubject(msgspec.Struct, frozen=True, kw_only=True):
    """One network with its figures over all folds."""

    name: str
    kind: str
    pooled: JudgedFigures


class CrossValidationEvidence(msgspec.Struct, frozen=True, kw_only=True, tag_field="evidence", tag="cross-validation"):
    """Some of ``builder.pipeline.crossval.CrossValidation``; ``data`` is the folder's name, without its path."""

    recipe: str
    version: str
    data: str
    protocol: FoldProtocol
    sources_known: bool
    folds: int
    seeds: tuple[int, ...]
    subjects: Annotated[tuple[PooledSubject, ...], msgspec.Meta(min_length=1)]

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "data", folder_name(self.data))

    @property
    def measured(self) -> str:
        """Name and version of the recipe."""
        return f"{self.recipe} {self.version}"

    def table(self) -> EvidenceTable:
        """Ensemble, student and int8 targets."""
        first = self.subjects[0].pooled
        # On random folds every clip counts as a source of its own, which is no fact about the data.
        sources = f" of {first.sources} sources" if self.protocol == "grouped" and self.sources_known else ""
        return EvidenceTable(
            title=(
                f"{self.protocol.capitalize()} folds: recipe {self.measured} cross-validated on {self.data}, "
                f"{first.clips_told()}{sources}, {self.folds} folds, members of seeds {', '.join(map(str, self.seeds))}"
            ),
            head=HEADS,
            rows=rows_shown((one.name, one.kind, one.pooled) for one in self.subjects),
            notes=(_INTERVALS[self.protocol], *(() if self.sources_known else (SOURCES_UNKNOWN,))),
        )

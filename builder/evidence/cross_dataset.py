"""What ``nexara crossval --train --test`` found of a recipe: learnt from one data set, judged on another."""

from __future__ import annotations

from typing import Annotated

import msgspec

from builder.evidence.judged import HEADS, SOURCES_UNKNOWN, JudgedFigures, folder_name, rows_shown
from builder.evidence.table import EvidenceTable


class CrossDatasetSubject(msgspec.Struct, frozen=True, kw_only=True):
    """One network with its figures on the other data set."""

    name: str
    kind: str
    figures: JudgedFigures


class CrossDatasetEvidence(msgspec.Struct, frozen=True, kw_only=True, tag_field="evidence", tag="cross-dataset"):
    """Some of ``builder.pipeline.abroad.AbroadValidation``; ``train`` and ``test`` are the folders' names, without
    their paths."""

    recipe: str
    version: str
    train: str
    test: str
    calibrated: bool
    sources_known: bool
    seeds: tuple[int, ...]
    subjects: Annotated[tuple[CrossDatasetSubject, ...], msgspec.Meta(min_length=1)]

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "train", folder_name(self.train))
        msgspec.structs.force_setattr(self, "test", folder_name(self.test))

    @property
    def measured(self) -> str:
        """Name and version of the recipe."""
        return f"{self.recipe} {self.version}"

    def table(self) -> EvidenceTable:
        """Ensemble, student and int8 targets."""
        first = self.subjects[0].figures
        sources = f" of {first.sources} sources" if self.sources_known else ""
        point = f"calibrated on {self.train}" if self.calibrated else "not calibrated"
        intervals = f"A clip counts as a fight from 0.5, {point}; brackets are 95 % intervals over sources."
        return EvidenceTable(
            title=(
                f"Another data set: recipe {self.measured} trained on all of {self.train}, judged on all of "
                f"{self.test}, {first.clips_told()}{sources}, members of seeds {', '.join(map(str, self.seeds))}"
            ),
            head=HEADS,
            rows=rows_shown((one.name, one.kind, one.figures) for one in self.subjects),
            notes=(intervals, *(() if self.sources_known else (SOURCES_UNKNOWN,))),
        )

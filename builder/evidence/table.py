"""One piece of evidence as a reader sees it: a title, a table, and what must be known to read it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EvidenceTable:
    """``title`` says in one line what was measured on which clips; every row has the length of ``head``."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]

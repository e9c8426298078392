"""Labelled clips in a folder."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from builder.errors import DataError

Label = Literal["fight", "noFight"]
LABELS: tuple[Label, ...] = get_args(Label)
VIDEO_SUFFIXES = frozenset({".avi", ".mkv", ".mov", ".mp4", ".mpg", ".webm"})


class Clip(NamedTuple):
    """One labelled video; ``source`` is the camera or video it was cut from."""

    name: str
    path: Path
    label: Label
    source: str

    @property
    def fight(self) -> bool:
        return self.label == "fight"


class ClipFolder(NamedTuple):
    """The clips of one folder, in a stable order; without ``sources_known`` every clip counts as its own source."""

    clips: tuple[Clip, ...]
    sources_known: bool


def find_clips(directory: Path) -> ClipFolder:
    """Read ``clips.csv`` (clip, label and, where it is known, source) or, without one, the tree ``fight/`` and
    ``noFight/``.

    Raises ``DataError`` for a folder that is neither, a table that cannot be read, an unknown label, a clip that is
    listed twice or lies outside the folder, or no clips.
    """
    if not directory.is_dir():
        raise DataError(f"{directory}: no such folder; give a folder with clips.csv or with fight/ and noFight/")
    table = directory / "clips.csv"
    found = _read_table(table) if table.is_file() else ClipFolder(_read_tree(directory), False)
    if not found.clips:
        raise DataError(f"{directory}: no clips found; expected clips.csv, or videos under fight/ and noFight/")
    return found


def require_both_classes(clips: Sequence[Clip], where: Path) -> None:
    """Raise ``DataError`` unless both classes are there: nothing can be learnt from one."""
    found = {clip.label for clip in clips}
    missing = [label for label in LABELS if label not in found]
    if missing:
        raise DataError(
            f"{where}: no clips labelled {' or '.join(missing)} among {len(clips)}; both classes are needed"
        )


def _read_table(table: Path) -> ClipFolder:
    try:
        # Spreadsheets put a byte order mark before the first column's name.
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            columns = set(rows.fieldnames or ())
            missing = {"clip", "label"} - columns
            if missing:
                raise DataError(
                    f"{table}: column {', '.join(sorted(missing))} missing; the columns are clip, label, source"
                )
            sources_known = "source" in columns
            clips = tuple(_table_clip(table, rows.line_num, row, sources_known) for row in rows)
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{table}: cannot be read ({error}); give a CSV file in UTF-8") from error
    _forbid_repeats(table, clips)
    return ClipFolder(clips, sources_known)


def _forbid_repeats(table: Path, clips: Sequence[Clip]) -> None:
    # By file, not by name: a.mp4 and ./a.mp4 of two sources would be learnt from and judged on.
    listed: set[Path] = set()
    for clip in clips:
        file = clip.path.resolve()
        if file in listed:
            raise DataError(f"{table}: {clip.name} is listed twice; list each clip once")
        listed.add(file)


def _table_clip(table: Path, line: int, row: dict[str, str | None], sources_known: bool) -> Clip:
    # A row that is too short gives None for the columns it lacks.
    name = row["clip"]
    source = row["source"] if sources_known else name
    if not name:
        raise DataError(f"{table}:{line}: no clip named; give its path inside {table.parent}, or remove the line")
    label = next((known for known in LABELS if known == row["label"]), None)
    if label is None:
        raise DataError(f"{table}:{line}: label {row['label']!r} found, allowed are {' and '.join(LABELS)}")
    if not source:
        raise DataError(f"{table}:{line}: {name} has no source; name the camera or video it was cut from")
    if not (table.parent / name).resolve().is_relative_to(table.parent.resolve()):
        raise DataError(f"{table}:{line}: {name} lies outside {table.parent}; clips lie inside the folder")
    return Clip(name, table.parent / name, label, source)


def _read_tree(directory: Path) -> tuple[Clip, ...]:
    return tuple(
        Clip(f"{label}/{path.name}", path, label, f"{label}/{path.stem}")
        for label in LABELS
        for path in sorted((directory / label).glob("*"))
        if path.suffix.lower() in VIDEO_SUFFIXES
    )

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
    """Read ``clips.csv`` (clip, label, source) or, without one, the tree ``fight/`` and ``noFight/``.

    Raises ``DataError`` for a folder that is neither, an unknown label, a clip that escapes the folder, or no clips.
    """
    if not directory.is_dir():
        raise DataError(f"{directory}: no such folder; give a folder with clips.csv or with fight/ and noFight/")
    table = directory / "clips.csv"
    found = ClipFolder(_read_table(table), True) if table.is_file() else ClipFolder(_read_tree(directory), False)
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


def _read_table(table: Path) -> tuple[Clip, ...]:
    with table.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        missing = {"clip", "label", "source"} - set(rows.fieldnames or ())
        if missing:
            raise DataError(
                f"{table}: column {', '.join(sorted(missing))} missing; the columns are clip, label, source"
            )
        clips = [_table_clip(table, rows.line_num, row) for row in rows]
    names = [clip.name for clip in clips]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{table}: {twice} is listed twice; list each clip once")
    return tuple(clips)


def _table_clip(table: Path, line: int, row: dict[str, str]) -> Clip:
    name, source = row["clip"], row["source"]
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

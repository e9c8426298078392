"""The licence of a folder of clips, as the folder states it."""

from __future__ import annotations

from pathlib import Path

_NAMES = ("LICENSE", "LICENSE.txt", "LICENCE")


def read_licence(directory: Path) -> str:
    """The first line of the folder's licence that is not empty, or ``not stated``."""
    found = (directory / name for name in _NAMES)
    lines = next((path.read_text(encoding="utf-8").split("\n") for path in found if path.is_file()), [])
    return next((line.strip() for line in lines if line.strip()), "not stated")

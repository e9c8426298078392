"""A file that a power cut leaves whole: the old one or the new one, never half of it."""

from __future__ import annotations

import os
from pathlib import Path

_AS_MASKED = 0o666


def write_whole(path: Path, content: bytes, mode: int | None = None) -> None:
    """Take the place of what ``path`` holds; once this has returned it survives a power cut. ``mode`` holds from before
    anything is written, whatever the process's mask; without it the mask counts. Raises ``OSError``."""
    part = path.with_name(f"{path.name}.part")
    # One that a killed process of root's left could not be opened.
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _AS_MASKED if mode is None else mode)
    with os.fdopen(descriptor, "wb") as file:
        if mode is not None:
            os.fchmod(file.fileno(), mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on disk: a rename alone may be lost with the power. Raises ``OSError``."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Files that a command writes its figures to."""

from __future__ import annotations

from pathlib import Path

import msgspec

from models.errors import NexaraError


class ReportFileError(NexaraError):
    """The file asked for cannot be written."""


def require_folder(path: Path) -> None:
    """Raise ``ReportFileError`` before any clip is judged, rather than after the last one."""
    if not path.absolute().parent.is_dir() or path.is_dir():
        raise ReportFileError(f"{path}: cannot be written: no such folder, or a folder itself; choose another file")


def write_json(path: Path, value: msgspec.Struct) -> None:
    """Write figures as indented JSON. Raises ``ReportFileError`` when the file cannot be written."""
    write_bytes(path, msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file. Raises ``ReportFileError`` when it cannot be written."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise ReportFileError(f"{path}: cannot be written: {error.strerror or error}; choose another file") from error

"""Where a command works and as which version of the package."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from builder.errors import BuilderError, OutputError


def make_folder(out: Path) -> None:
    """Make the folder ``out``. Raises ``OutputError`` when it cannot be written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written: {error.strerror}; give --out a folder of your own") from error


def package_version() -> str:
    """The version that scenes are keyed by and that a bundle's lineage names.

    Raises ``BuilderError`` when the package is not installed.
    """
    try:
        return version("nexaravision")
    except PackageNotFoundError as error:
        raise BuilderError(
            "nexaravision is not installed; run it by ./nexara, or pip install -e '.[builder]'"
        ) from error

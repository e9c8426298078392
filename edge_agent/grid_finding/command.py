"""``nexara-edge find-grid``: where the cells of a wall lie, as configuration and as a picture."""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.config.secret import insert_password
from edge_agent.delivery.topics import NAME_PATTERN
from edge_agent.grid_finding.errors import GridFindingError
from edge_agent.grid_finding.layout import Layout, find_layout
from edge_agent.grid_finding.outline import outline
from edge_agent.grid_finding.snippet import write_snippet
from edge_agent.grid_finding.survey import survey
from edge_agent.sources import SourceOptions

NO_GRID = 1
_LONGEST_S = 600.0
_PICTURES = (".jpg", ".png")
_NO_GRID = """\
Found are rows and columns of any width, a small grid in the place of a cell, and one large cell with small ones beside
it. Pictures within pictures and walls that are filmed at an angle are not. If this is a wall, try again while something
moves in its cells, or for longer (--seconds), or write the cells' boxes yourself."""


def add_find_grid_options(parser: argparse.ArgumentParser) -> None:
    """What ``find-grid`` takes."""
    parser.add_argument("--source", required=True, metavar="ADDRESS", help="the wall, as source of a [[camera]]")
    parser.add_argument("--password", metavar="REFERENCE", help="file:/path or credential:name, as in edge.toml")
    parser.add_argument("--id", default="wall", metavar="ID", help="the wall's id, which its cells' begin with (wall)")
    parser.add_argument("--seconds", type=float, default=6.0, metavar="S", help="how much of it to look at (6)")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="folder for ID.toml and the picture, ID.jpg")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="file for the picture alone (.jpg or .png)")
    parser.set_defaults(command=find_grid)


def find_grid(arguments: argparse.Namespace) -> int:
    """Print the wall's configuration and write it with a picture to confirm it. 0: cells were found; 1: none were.

    Raises ``SourceError``, ``SecretError`` and ``GridFindingError``.
    """
    _check(arguments)
    address = insert_password(arguments.source, arguments.password, os.environ)
    seen = survey(address, arguments.seconds, SourceOptions(realtime=False), time.monotonic)
    layout = find_layout(seen.evidence)
    if not layout.cells:
        sys.stdout.write(f"one camera, no grid: {seen.seconds:.1f} s of {_size(layout)} show no seams.\n{_NO_GRID}\n")
        return NO_GRID
    snippet = write_snippet(layout, arguments.id, arguments.source, arguments.password)
    sys.stdout.write(snippet)
    picture = outline(seen.picture.colour(max(layout.size)), layout)
    if arguments.picture is not None:
        _write(arguments.picture, _encode(picture, arguments.picture.suffix))
    if arguments.out is not None:
        _write(arguments.out / f"{arguments.id}.toml", snippet.encode())
        _write(arguments.out / f"{arguments.id}.jpg", _encode(picture, ".jpg"))
    return 0


def _check(arguments: argparse.Namespace) -> None:
    if arguments.out is None and arguments.picture is None:
        raise GridFindingError("nowhere to write the picture; give --out FOLDER or --picture FILE")
    if arguments.picture is not None and arguments.picture.suffix not in _PICTURES:
        raise GridFindingError(f"--picture is {arguments.picture}; allowed are {' and '.join(_PICTURES)}")
    if not re.search(NAME_PATTERN, arguments.id):
        raise GridFindingError(f"--id is {arguments.id!r}; allowed are 1 to 64 letters, digits, '_', '.' or '-'")
    if not 1 <= arguments.seconds <= _LONGEST_S:
        raise GridFindingError(f"--seconds is {arguments.seconds:g}; allowed is 1 to {_LONGEST_S:g}")
    if urlsplit(arguments.source).password is not None:
        raise GridFindingError(
            "--source holds a password (not shown); leave only the user there, rtsp://user@host/stream, and give"
            " --password file:/path"
        )


def _size(layout: Layout) -> str:
    height, width = layout.size
    return f"{width}x{height}"


def _encode(picture: NDArray[np.uint8], suffix: str) -> bytes:
    return cv2.imencode(suffix, picture)[1].tobytes()


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise GridFindingError(f"{path}: cannot be written: {error.strerror}; choose another place") from error
    sys.stderr.write(f"written: {path}\n")

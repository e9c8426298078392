"""Files of a site's authority: read with words for what is missing, written whole and for whom they are."""

from __future__ import annotations

from pathlib import Path

from fleet.authority.errors import AuthorityError
from models.whole_file import write_whole


def read_file(path: Path) -> bytes:
    """What it holds; raises ``AuthorityError``."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise AuthorityError(f"{path}: is not there; make the site's authority with nexara fleet ca init") from error
    except OSError as error:
        raise AuthorityError(f"{path}: cannot be read: {error.strerror}") from error


def make_folder(path: Path) -> None:
    """Make a folder that its owner alone may enter; raises ``AuthorityError``."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
    except OSError as error:
        raise AuthorityError(f"{path}: cannot make the folder: {error.strerror}") from error


def write_file(path: Path, content: bytes, mode: int) -> None:
    """Replace a file whole; nobody else can read it on the way. Raises ``AuthorityError``."""
    try:
        write_whole(path, content, mode)
    except OSError as error:
        raise AuthorityError(f"{path}: cannot be written: {error.strerror}") from error

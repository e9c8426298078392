"""A file that a power cut leaves whole: the old one or the new one, never half of it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

_AS_MASKED = 0o666
_NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)
"""What file systems answer that cannot have a folder on disk at a given moment, as some shared and network ones."""


def write_whole(path: Path, content: bytes, mode: int | None = None) -> None:
    """Take the place of what ``path`` holds; once this has returned it survives a power cut. ``mode`` holds from before
    anything is written, whatever the process's mask; without it the mask counts. Raises ``OSError``."""
    part = path.with_name(f"{path.name}.part")
    # One that a killed process of root's left could not be opened.
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _AS_MASKED if mode is None else mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        # On a full disk half a file would keep the room that the next one needs.
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on disk, where its file system can: a rename alone may be lost with the power. Raises
    ``OSError``."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(descriptor)

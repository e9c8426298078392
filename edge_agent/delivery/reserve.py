"""Room on the disk that is given up when there is no other."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

MOST_BYTES = 2_097_152
_LEAST_BYTES = 65_536


class Reserve:
    """A file that only takes room. Even to remove something SQLite first needs some, for its log, and so a queue that
    has filled its disk could never empty itself."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept = False

    def keep(self) -> None:
        """Take the room, or less of it where the disk has little, unless that was done."""
        if self._kept:
            return
        size = min(MOST_BYTES, self._free_bytes() // 4)
        while size >= _LEAST_BYTES and not self._kept:
            self._kept = self._take(size)
            size //= 2

    def release(self) -> None:
        """Give the room up until ``keep`` takes it again."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
        self._kept = False

    def _free_bytes(self) -> int:
        try:
            disk = os.statvfs(self._path.parent)
        except OSError:
            return 0
        return disk.f_bavail * disk.f_frsize

    def _take(self, size: int) -> bool:
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        except OSError:
            return False
        try:
            os.posix_fallocate(file, 0, size)
        except OSError:
            return False
        else:
            return True
        finally:
            os.close(file)

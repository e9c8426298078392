"""One build at a time in a folder: two would delete each other's unfinished stages."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from builder.errors import OutputError

LOCK = "lock"


@contextmanager
def lock_work(work: Path) -> Iterator[None]:
    """Hold the folder ``work`` for this process, which the kernel ends with the process, however that ends.

    Raises ``OutputError`` naming the process that holds it, or why the folder cannot be locked.
    """
    try:
        # The file stays: were it removed, another process might hold the lock of a file that is no more.
        lock = (work / LOCK).open("a+", encoding="ascii")
    except OSError as error:
        raise OutputError(f"{work}: cannot be written: {error.strerror}; give --out a folder of your own") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise OutputError(
                f"{work}: process {holder} is building there; wait until it ends, or give --out another folder"
            ) from error
        except OSError as error:
            raise OutputError(
                f"{work}: cannot be locked: {error.strerror}; give --out a folder on a local disk"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield

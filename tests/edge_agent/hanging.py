"""A file that hangs whoever opens it, truly: in the system, where no timeout of FFmpeg's reaches."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def hanging_file(path: Path) -> Iterator[Path]:
    """A pipe that nobody writes to; those who wait for it are let go at the end."""
    os.mkfifo(path)
    yield path
    for _ in range(8):
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            return
        time.sleep(0.05)

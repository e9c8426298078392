"""The naive design as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def run_naive(bundle: Path, source: str, stdout: int = subprocess.DEVNULL) -> Iterator[subprocess.Popen[str]]:
    """``benchmarks.naive`` on one source, killed at the end; what it prints goes to ``stdout``, one of the constants of
    ``subprocess``."""
    command = [sys.executable, "-m", "benchmarks.naive", "--bundle", str(bundle), "--source", source]
    with subprocess.Popen(command, stdout=stdout, text=True) as process:
        try:
            yield process
        finally:
            process.kill()

"""A cap on the disk that finished stages take: those that were used longest ago go first."""

from __future__ import annotations

import argparse
import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from builder.arguments import at_least_one
from builder.display import TerminalDisplay
from builder.stages import FACTS, LOCKS
from models.file_lock import take_lock

IN_USE = "in-use"
GIGABYTE = 1_000_000_000


class _Kept(NamedTuple):
    directory: Path
    used_ns: int
    size: int


def add_work_limit(parser: argparse.ArgumentParser) -> None:
    """Add ``--work-limit``."""
    parser.add_argument(
        "--work-limit",
        type=at_least_one,
        default=20,
        metavar="GB",
        help="when done, delete stages of earlier runs, those used longest ago first, until out/work takes no more "
        "(default: 20); stages of this run stay",
    )


@contextmanager
def open_work(arguments: argparse.Namespace, console: Console) -> Iterator[TerminalDisplay]:
    """What shows the stages of ``arguments.out``/work, which are held in use and then cut to ``--work-limit``."""
    with (
        TerminalDisplay(console) as display,
        limited_work(arguments.out / "work", arguments.work_limit * GIGABYTE, display.warn),
    ):
        yield display


@contextmanager
def limited_work(work: Path, limit: int, warn: Callable[[str], None]) -> Iterator[None]:
    """Hold ``work`` in use, and when that ends, however it ends, delete stages until they take at most ``limit`` bytes.

    What was used since this began stays, and ``warn`` is told when that alone takes more. Nothing is deleted while
    another holds the same folder in use: the last to end does it.
    """
    locks = work / LOCKS
    locks.mkdir(parents=True, exist_ok=True)
    with (locks / IN_USE).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        # The file system's own time, which that of stages is compared with.
        (locks / IN_USE).touch()
        begun_ns = (locks / IN_USE).stat().st_mtime_ns
        try:
            yield
        finally:
            if take_lock(lock.fileno()):
                left = _trim(work, limit, begun_ns)
                if left > limit:
                    warn(
                        f"{work} takes {left / GIGABYTE:.1f} GB, more than the {limit / GIGABYTE:.0f} of --work-limit: "
                        "this run used all of it; delete the folder when the figures are no longer wanted"
                    )


def _trim(work: Path, limit: int, begun_ns: int) -> int:
    """Bytes that are left once what is half done and what need not stay is deleted."""
    for part in work.glob("*.part"):
        shutil.rmtree(part, ignore_errors=True)
    kept = sorted((_measure(facts.parent) for facts in work.glob(f"*/{FACTS}")), key=lambda one: one.used_ns)
    total = sum(one.size for one in kept)
    for one in kept:
        if total <= limit or one.used_ns >= begun_ns:
            break
        # Without its facts it is no finished stage, should this be interrupted half-way.
        (one.directory / FACTS).unlink()
        shutil.rmtree(one.directory, ignore_errors=True)
        total -= one.size
    return total


def _measure(directory: Path) -> _Kept:
    files = (path for path in directory.rglob("*") if path.is_file())
    return _Kept(directory, directory.stat().st_mtime_ns, sum(path.stat().st_size for path in files))

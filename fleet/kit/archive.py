"""One file of a folder, the same bytes for the same files."""

from __future__ import annotations

import gzip
import lzma
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from fleet.kit.errors import KitError

# Zip and some file systems know nothing older, and pip refuses it.
MTIME_S = 315_532_800
"""When every file of a kit was last changed, seconds since the epoch."""
_LEVEL = {"gz": 6, "xz": 3, "zst": 10}


def pack_kit(folder: Path, out: Path) -> None:
    """Write ``folder`` as the archive ``out``, packed as its suffix says: ``.tar.zst``, ``.tar.xz``, ``.tar.gz`` or
    ``.tar``. It may hold secrets, and only its owner may read it. It is there whole or not at all.

    Raises ``KitError`` for another suffix, without the program ``zstd`` for its own, and when it cannot be written.
    """
    partial = out.with_name(f".{out.name}.partial")
    try:
        with _compressor(partial, out.name) as stream, tarfile.open(fileobj=stream, mode="w|") as archive:
            for path in sorted([folder, *folder.rglob("*")]):
                archive.add(path, path.relative_to(folder.parent).as_posix(), recursive=False, filter=_settle)
        partial.replace(out)
    except OSError as error:
        raise KitError(f"{out}: cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


def _settle(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without what differs by who packed it, and when."""
    entry.mtime = MTIME_S
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    if entry.isdir():
        entry.mode = 0o700 if entry.name.endswith("/credentials") else 0o755
    return entry


@contextmanager
def _compressor(path: Path, name: str) -> Iterator[IO[bytes]]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        if name.endswith(".tar"):
            yield file
        elif name.endswith(".tar.gz"):
            with gzip.GzipFile("", "wb", _LEVEL["gz"], file, mtime=MTIME_S) as zipped:
                yield cast("IO[bytes]", zipped)
        elif name.endswith(".tar.xz"):
            with lzma.LZMAFile(file, "wb", preset=_LEVEL["xz"]) as packed:
                yield packed
        elif name.endswith(".tar.zst"):
            with _zstd(file) as packed:
                yield packed
        else:
            raise KitError(f"{name}: allowed are names that end in .tar.zst, .tar.xz, .tar.gz or .tar")


@contextmanager
def _zstd(file: IO[bytes]) -> Iterator[IO[bytes]]:
    program = shutil.which("zstd")
    if program is None:
        raise KitError("no zstd here, nor in Python before 3.14; install the Debian package zstd, or name a .tar.xz")
    # One thread: with more, the bytes would differ by their number.
    command = [program, "-q", f"-{_LEVEL['zst']}", "-T1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=file) as process:
        if process.stdin is None:
            raise KitError("zstd has no input")
        with process.stdin:
            yield process.stdin
    if process.returncode:
        raise KitError(f"zstd ended with {process.returncode}; is the disk full?")

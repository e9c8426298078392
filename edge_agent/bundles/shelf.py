"""Bundles on disk, and the record of which is in use; whatever interrupts a change, there is one good bundle."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from edge_agent.bundles.errors import ShelfBusyError, ShelfDiskError, ShelfError, disk_error
from edge_agent.bundles.ownership import give_to_owner, make_folder, open_own
from edge_agent.bundles.record import Record
from edge_agent.state_file import StateError, StateFile
from models.archive import SUFFIX
from models.file_lock import take_lock, wait_for_lock
from models.whole_file import sync_folder

log = logging.getLogger(__name__)

_RECORD, _LOCK, _RECEIVING, _PARTIAL = "record.json", "lock", "receiving.lock", ".partial"
_DIGEST = 64
_PIECE = 1 << 20
# Whoever installs is often root; who reads it is the agent's own user.
_READABLE = 0o644


class Shelf:
    """A folder of bundles named by their SHA-256, and ``record.json``.

    A bundle is written beside, synced and renamed before the record names it, and the record is replaced in one rename:
    a power cut leaves the record of before or of after, and both name whole bundles. Changes of several processes come
    one after another. What no record needs is removed by the next change.
    """

    def __init__(self, directory: Path, patience_s: float = 5.0) -> None:
        """``patience_s`` is for how long another process is waited for that changes it: the agent does so between two
        pictures, and an installer that was stopped must not blind it."""
        self.directory = directory
        self._patience_s = patience_s

    def read(self) -> Record:
        """The record as it is; an empty one where there is none. A damaged one is set aside and told, since a device
        without a bundle is worse than one with that of its configuration. Raises ``ShelfDiskError``."""
        path = self.directory / _RECORD
        try:
            return msgspec.json.decode(path.read_bytes(), type=Record)
        except FileNotFoundError:
            return Record()
        except OSError as error:
            raise disk_error(path, error) from error
        except msgspec.MsgspecError as error:
            log.error("%s: %s; set aside, the configuration's bundle is used", path, error)  # noqa: TRY400 it says all
            return self._set_aside(path)

    def change(self, change: Callable[[Record], Record]) -> Record:
        """Replace the record by what ``change`` makes of it, and return that; raises what that raises, and
        ``ShelfDiskError``."""
        with self._locked():
            before = self.read()
            after = change(before)
            try:
                if after != before:
                    self._write(after)
                self._clear(after)
            except OSError as error:
                raise disk_error(self.directory, error) from error
            return after

    def add(self, file: Path, change: Callable[[Record, str], Record]) -> Record:
        """Copy the bundle in ``file`` here, and replace the record by what ``change`` makes of it and the bundle's
        digest. Raises what that raises, ``ShelfError`` for what is no file and ``ShelfDiskError``."""
        if not file.is_file():
            raise ShelfError(f"{file}: not a file; a bundle to install is one {SUFFIX} file")
        with self._locked():
            before = self.read()
            try:
                digest = self._copy(file)
                after = change(before, digest)
                self._write(after)
                self._clear(after)
            except OSError as error:
                raise disk_error(self.directory, error) from error
            return after

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """Be the only one that fetches and installs: two at a time would clear away each other's leftovers. Raises
        ``ShelfBusyError`` where somebody does already, and ``ShelfDiskError``."""
        with self._open_lock(_RECEIVING) as lock:
            if not take_lock(lock.fileno()):
                text = f"{self.directory}: another bundle is being fetched or installed; try again once that is done"
                raise ShelfBusyError(text)
            yield

    @property
    def incoming(self) -> Path:
        """Where what is being fetched lies."""
        return self.directory / "incoming"

    def path_of(self, digest: str) -> Path:
        """Where a bundle of that digest lies, if it does."""
        return self.directory / f"{digest}{SUFFIX}"

    def is_whole(self, digest: str) -> bool:
        """Whether the bundle is there and nothing in it has changed."""
        try:
            return digest_of(self.path_of(digest)) == digest
        except OSError:
            return False

    def _copy(self, file: Path) -> str:
        partial = self.directory / f"{os.getpid()}{_PARTIAL}"
        found = hashlib.sha256()
        # What lies there may lead elsewhere, and root may be who writes.
        partial.unlink(missing_ok=True)
        with file.open("rb") as source, partial.open("xb") as target:
            while piece := source.read(_PIECE):
                found.update(piece)
                target.write(piece)
            target.flush()
            os.fsync(target.fileno())
        partial.chmod(_READABLE)
        partial.replace(self.path_of(found.hexdigest()))
        sync_folder(self.directory)
        return found.hexdigest()

    def _write(self, record: Record) -> None:
        try:
            StateFile(self.directory / _RECORD, _READABLE).write(
                msgspec.json.format(msgspec.json.encode(record), indent=2)
            )
        except StateError as error:
            raise ShelfDiskError(str(error)) from error

    def _clear(self, record: Record) -> None:
        """Remove what no record needs, and what an interruption left."""
        for path in self.directory.iterdir():
            digest = path.name.partition(".")[0]
            if path.suffix == _PARTIAL or (len(digest) == _DIGEST and digest not in record.digests):
                path.unlink(missing_ok=True)

    def _set_aside(self, path: Path) -> Record:
        try:
            path.replace(path.with_name(f"{_RECORD}.damaged"))
        except OSError as error:
            raise disk_error(path, error) from error
        return Record()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._open_lock(_LOCK) as lock:
            if not wait_for_lock(lock.fileno(), self._patience_s):
                text = f"{self.directory}: another process has been changing it for {self._patience_s:g} s"
                raise ShelfDiskError(f"{text}; end it if it hangs, and try again")
            yield

    def _open_lock(self, name: str) -> IO[str]:
        try:
            make_folder(self.directory)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            lock = os.fdopen(open_own(str(self.directory / name), flags), "a")
            give_to_owner(self.directory / name)
        except OSError as error:
            raise disk_error(self.directory, error) from error
        return lock


def digest_of(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal. Raises ``OSError``."""
    found = hashlib.sha256()
    with file.open("rb") as stream:
        while piece := stream.read(_PIECE):
            found.update(piece)
    return found.hexdigest()

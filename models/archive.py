"""The files of a bundle, read whole and safely from a directory or from one ``.nexara`` file (a zip).

Nothing is ever written to disk by reading: what was verified is what is used afterwards, because both are the same
bytes in memory.
"""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models.errors import BundleFormatError, BundleIntegrityError

SUFFIX = ".nexara"

_EPOCH = (1980, 1, 1, 0, 0, 0)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
# What a damaged zip makes zipfile raise; every one of them means "these bytes are not a sound archive".
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, OverflowError, NotImplementedError, RuntimeError,
    LookupError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an archive may hold before it is refused; sizes in bytes.

    ``expansion`` bounds unpacked size over packed size once more than ``expansion_floor`` is unpacked: weights pack two
    to four times, a compression bomb a thousand times.
    """

    entries: int = 256
    entry: int = 512 * 2**20
    total: int = 1024 * 2**20
    expansion: int = 100
    expansion_floor: int = 16 * 2**20


def read_files(path: Path, limits: Limits | None = None) -> dict[str, bytes]:
    """Every file of the directory or ``.nexara`` file at ``path``, keyed by its relative POSIX name, sorted.

    Raises ``BundleFormatError`` when there is nothing readable at ``path``, for a link or special file, an absolute,
    escaping or repeated name, or anything over ``limits``; ``BundleIntegrityError`` for a damaged entry.
    """
    limits = limits or Limits()
    try:
        if path.is_dir():
            return _read_directory(path, limits)
        with path.open("rb") as stream:
            return read_zip(stream, str(path), limits)
    except FileNotFoundError as error:
        raise BundleFormatError(f"{path}: no bundle there; give a bundle directory or a {SUFFIX} file") from error
    except OSError as error:
        raise BundleFormatError(f"{path}: cannot be read: {error.strerror or error}") from error


def read_zip(stream: io.BufferedIOBase, where: str, limits: Limits) -> dict[str, bytes]:
    """Every file of a zip, keyed by name, sorted; ``where`` names it in errors. Raises as ``read_files`` does."""
    try:
        packed = stream.seek(0, io.SEEK_END)
        archive = zipfile.ZipFile(stream)
    except _DAMAGE as error:
        raise BundleFormatError(f"{where}: neither a bundle directory nor a sound {SUFFIX} file: {error}") from error
    with archive:
        entries = [entry for entry in archive.infolist() if not _is_folder(entry, where)]
        _check_entries(entries, packed, where, limits)
        return {entry.filename: _read_entry(archive, entry, where) for entry in _sorted(entries)}


def pack(directory: Path, file: Path) -> Path:
    """Write the bundle in ``directory`` as one ``.nexara`` file; the same files always give the same bytes.

    Raises ``BundleFormatError`` as ``read_files`` does.
    """
    files = _read_directory(directory, Limits())
    if not files:
        raise BundleFormatError(f"{directory}: empty; a bundle has a manifest.json and its artifacts")
    return write_zip(files, file)


def write_zip(files: Mapping[str, bytes], file: Path) -> Path:
    """Write ``files`` as one ``.nexara`` file, which is there whole or not at all."""
    partial = file.with_name(file.name + ".partial")
    with zipfile.ZipFile(partial, "w") as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, date_time=_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, content, compresslevel=9)
    return partial.replace(file)


def is_safe_name(name: str) -> bool:
    """Whether ``name`` is a plain relative POSIX path that stays inside its folder on every system."""
    parts = name.split("/")
    return not any(part in {"", ".", ".."} for part in parts) and not any(
        character in name for character in ("\\", ":", "\0")
    )


def _read_directory(directory: Path, limits: Limits) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    total = 0
    for path in sorted(directory.rglob("*"), key=lambda path: path.relative_to(directory).as_posix()):
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            continue
        name = path.relative_to(directory).as_posix()
        if not stat.S_ISREG(mode):
            raise BundleFormatError(f"{directory}: {name} is a link or special file; a bundle holds plain files only")
        _check_name(name, str(directory))
        total += path.stat().st_size
        _check_size(name, path.stat().st_size, total, str(directory), limits)
        _check_count(len(files) + 1, str(directory), limits)
        files[name] = path.read_bytes()
    return files


def _is_folder(entry: zipfile.ZipInfo, where: str) -> bool:
    if not entry.is_dir():
        return False
    _check_name(entry.orig_filename.rstrip("/"), where)
    return True


def _sorted(entries: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    return sorted(entries, key=lambda entry: entry.filename)


def _check_entries(entries: list[zipfile.ZipInfo], packed: int, where: str, limits: Limits) -> None:
    _check_count(len(entries), where, limits)
    seen: set[str] = set()
    total = 0
    for entry in entries:
        # zipfile cuts a name at its first NUL; the name as stored is the one to judge.
        _check_name(entry.orig_filename, where)
        if entry.filename in seen:
            raise BundleFormatError(f"{where}: {entry.filename} occurs twice; pack the bundle again")
        seen.add(entry.filename)
        if stat.S_IFMT(entry.external_attr >> 16) not in {0, stat.S_IFREG}:
            raise BundleFormatError(f"{where}: {entry.filename} is a link or special file; plain files only")
        if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _METHODS:
            raise BundleFormatError(f"{where}: {entry.filename} is encrypted or not stored or deflated; pack again")
        total += entry.file_size
        _check_size(entry.filename, entry.file_size, total, where, limits)
    if total > max(limits.expansion_floor, limits.expansion * packed):
        raise BundleFormatError(
            f"{where}: {packed} bytes unpack to {total}, more than {limits.expansion} times; refused as a bomb"
        )


def _check_name(name: str, where: str) -> None:
    if not is_safe_name(name):
        raise BundleFormatError(f"{where}: unsafe file name {name!r}; names are relative and stay inside the bundle")


def _check_count(count: int, where: str, limits: Limits) -> None:
    if count > limits.entries:
        raise BundleFormatError(f"{where}: more than {limits.entries} files; this is not a bundle")


def _check_size(name: str, size: int, total: int, where: str, limits: Limits) -> None:
    if size > limits.entry or total > limits.total:
        raise BundleFormatError(
            f"{where}: {name} ({size} bytes) goes over what a bundle may hold: {limits.entry} bytes a file, "
            f"{limits.total} in all"
        )


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, where: str) -> bytes:
    try:
        with archive.open(entry) as stream:
            # The header's size was checked against the limits; reading past it would trust the compressed data instead.
            content = stream.read(entry.file_size + 1)
    except _DAMAGE as error:
        raise BundleIntegrityError(f"{where}: {entry.filename} is damaged: {error}; fetch the bundle again") from error
    if len(content) != entry.file_size:
        raise BundleIntegrityError(
            f"{where}: {entry.filename} has {len(content)} bytes, its header says {entry.file_size}; fetch it again"
        )
    return content

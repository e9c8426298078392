"""One wheel: what it is, what it needs, and how its files lie once unpacked."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import BytesParser
from pathlib import Path, PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from fleet.kit.errors import KitError

_LIBRARIES = ("purelib", "platlib")


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel in ``path``; names are canonical."""

    path: Path
    name: str
    version: Version
    tags: frozenset[Tag]

    @classmethod
    def at(cls, path: Path) -> Wheel:
        """By its file's name; raises ``KitError`` for one that is no wheel's."""
        try:
            name, version, _, tags = parse_wheel_filename(path.name)
        except InvalidWheelFilename as error:
            raise KitError(f"{path}: {error}; a wheel is called NAME-VERSION-PYTHON-ABI-PLATFORM.whl") from error
        return cls(path, str(name), version, tags)

    def requirements(self) -> list[Requirement]:
        """What it says that it needs, under whatever conditions; raises ``KitError`` for a damaged wheel."""
        with self._open() as archive:
            names = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
            if len(names) != 1:
                raise KitError(f"{self.path}: found {len(names)} METADATA; a wheel has one")
            document = BytesParser().parsebytes(archive.read(names[0]), headersonly=True)
        try:
            return [Requirement(line) for line in document.get_all("Requires-Dist", [])]
        except InvalidRequirement as error:
            raise KitError(f"{self.path}: {error}") from error

    def unpack(self, folder: Path, left_out: tuple[str, ...] = ()) -> None:
        """Write its modules below ``folder``. Commands and headers of other packages are of no use on a device.

        Raises ``KitError`` for a damaged wheel, and for a name that leads elsewhere.
        """
        with self._open() as archive:
            for entry, place in self._places(archive):
                if place.as_posix().startswith(left_out or ("\0",)):
                    continue
                path = folder / place
                path.parent.mkdir(parents=True, exist_ok=True)
                try:
                    path.write_bytes(archive.read(entry))
                except (zipfile.BadZipFile, EOFError) as error:
                    raise KitError(f"{self.path}: {entry.filename} is damaged: {error}; fetch it again") from error
                path.chmod(0o755 if (entry.external_attr >> 16) & stat.S_IXUSR else 0o644)

    def _places(self, archive: zipfile.ZipFile) -> Iterator[tuple[zipfile.ZipInfo, PurePosixPath]]:
        for entry in archive.infolist():
            place = PurePosixPath(entry.filename)
            if entry.is_dir():
                continue
            if place.is_absolute() or ".." in place.parts:
                raise KitError(f"{self.path}: {entry.filename} leads out of it; fetch it from whom you trust")
            if not place.parts[0].endswith(".data"):
                yield entry, place
            elif place.parts[1] in _LIBRARIES:
                yield entry, PurePosixPath(*place.parts[2:])

    def _open(self) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(self.path)
        except (OSError, zipfile.BadZipFile) as error:
            raise KitError(f"{self.path}: not a wheel: {error}; fetch it again") from error

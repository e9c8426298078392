"""Engines that were built on this machine, so that the next start does not build them again.

An engine is code of one GPU, library and driver: under any other it is another engine.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

from models.whole_file import write_whole

_SUFFIX = ".engine"
_KEPT = 16
_DIGEST = hashlib.sha256().digest_size

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineKey:
    """All that an engine is of: its graph's SHA-256, and what it was built with and for."""

    graph: str
    library: str
    version: str
    gpu: str
    architecture: str
    driver: str

    @property
    def file(self) -> str:
        """The name of its file."""
        told = "\n".join(astuple(self))
        return f"{hashlib.sha256(told.encode()).hexdigest()[:32]}{_SUFFIX}"


class EngineCache:
    """Engines in one folder, the newest few of them. Nothing here raises: without a cache engines are built again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, key: EngineKey) -> bytes | None:
        """The engine of a key, where it was kept and is whole."""
        try:
            stored = (self._folder / key.file).read_bytes()
        except OSError:
            return None
        digest, engine = stored[:_DIGEST], stored[_DIGEST:]
        return engine if hashlib.sha256(engine).digest() == digest else None

    def keep(self, key: EngineKey, engine: bytes) -> None:
        """Store an engine, and drop the oldest beyond the few that are kept."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(self._folder / key.file, hashlib.sha256(engine).digest() + engine)
            oldest = sorted(self._folder.glob(f"*{_SUFFIX}"), key=lambda path: -path.stat().st_mtime)[_KEPT:]
            for path in oldest:
                path.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("%s: engines cannot be kept there (%s); each start builds them again", self._folder, error)


def engine_folder(environment: Mapping[str, str]) -> Path:
    """Where engines are kept: systemd's ``CacheDirectory``, else the user's cache."""
    service = environment.get("CACHE_DIRECTORY", "").split(os.pathsep)[0]
    if service:
        return Path(service, "engines")
    home = environment.get("HOME") or str(Path.home())
    return Path(environment.get("XDG_CACHE_HOME") or Path(home, ".cache"), "nexara", "engines")

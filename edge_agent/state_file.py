"""A small file of the agent's own that a power cut leaves whole: the old one or the new one, never half of it."""

from __future__ import annotations

import logging
from pathlib import Path

from models.errors import NexaraError
from models.whole_file import write_whole

log = logging.getLogger(__name__)


class StateError(NexaraError):
    """A file of the agent's own state cannot be read or written."""


class StateFile:
    """One file that is read and written whole."""

    def __init__(self, path: Path, mode: int | None = None) -> None:
        """``mode`` is for one that other users read or write too; without it the process's mask counts."""
        self._path = path
        self._mode = mode

    @property
    def path(self) -> Path:
        return self._path

    def read(self) -> bytes | None:
        """What it holds; ``None`` where there is none. Raises ``StateError``."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._error(error) from error

    def write(self, content: bytes) -> None:
        """Take the place of what it holds; once this has returned it survives a power cut. Raises ``StateError``."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(self._path, content, self._mode)
        except OSError as error:
            raise self._error(error) from error

    def set_aside(self, reason: str) -> None:
        """Put a file that cannot be used out of the way, in place of an earlier one, and say so; raises nothing."""
        aside = self._path.with_name(f"{self._path.name}.broken")
        try:
            self._path.replace(aside)
        except OSError as error:
            log.error("%s cannot be used: %s; nor can it be set aside: %s", self._path, reason, error.strerror)  # noqa: TRY400
        else:
            log.error("%s cannot be used: %s; it is set aside as %s", self._path, reason, aside.name)

    def _error(self, error: OSError) -> StateError:
        return StateError(
            f"{self._path}: {error.strerror}; needed: a folder that the agent may write, on a disk that is not full"
        )

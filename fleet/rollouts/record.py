"""Where a roll-out is kept, so that one that was killed goes on where it was."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from edge_agent.state_file import StateFile
from fleet.errors import FleetError
from fleet.rollouts.rollout import Rollout
from models.file_lock import take_lock

ENDED = ("done", "stopped", "reverted")
# Signed links carry their right to be read behind the question mark.
_PRIVATE = 0o600


class Record:
    """One file, written whole at each change; beside it a lock, and a note that asks whoever runs it to stop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = StateFile(path, _PRIVATE)
        self._note = path.with_name(f"{path.name}.stop")

    @property
    def path(self) -> Path:
        return self._path

    def read(self) -> Rollout:
        """The roll-out; raises ``FleetError`` where there is none or it cannot be read, and ``StateError``."""
        content = self._file.read()
        if content is None:
            raise FleetError(f"{self._path}: no roll-out; begin one with: nexara fleet rollout start, or give --state")
        try:
            return msgspec.json.decode(content, type=Rollout)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise FleetError(f"{self._path}: this is no roll-out: {error}; give another --state") from error

    def begin(self, rollout: Rollout) -> None:
        """Keep a new roll-out; one that ended before stays beside it, by its id. Raises ``FleetError`` where one is
        under way, and ``StateError``."""
        if self._file.read() is not None:
            earlier = self.read()
            if earlier.phase not in ENDED:
                raise FleetError(
                    f"{self._path}: roll-out {earlier.id} is {earlier.phase}; go on with `nexara fleet rollout resume`,"
                    " end it with `stop`, or give another --state"
                )
            aside = self._path.with_name(f"{self._path.stem}-{earlier.id}{self._path.suffix}")
            StateFile(aside, _PRIVATE).write(msgspec.json.encode(earlier))
        self.write(rollout)

    def write(self, rollout: Rollout) -> None:
        """Take the place of what was kept; raises ``StateError``."""
        self._file.write(msgspec.json.format(msgspec.json.encode(rollout), indent=1))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the only one that runs it; raises ``FleetError`` when somebody does."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._path.with_name(f"{self._path.name}.lock"), os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise FleetError(
                f"{self._path}: {error.strerror}; give a --state in a folder that you may write"
            ) from error
        try:
            if not take_lock(lock):
                raise RolloutHeldError(f"{self._path}: another process runs this roll-out")
            yield
        finally:
            os.close(lock)

    def ask_to_stop(self) -> None:
        """Leave a note for whoever runs it; raises ``StateError``."""
        StateFile(self._note).write(b"")

    @property
    def asked_to_stop(self) -> bool:
        return self._note.exists()

    def forget_note(self) -> None:
        """Whoever runs it has read the note."""
        self._note.unlink(missing_ok=True)


class RolloutHeldError(FleetError):
    """Another process runs the roll-out."""

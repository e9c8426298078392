"""Where it is kept what is desired of a device."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge_agent.bundles.standing import Standing
from edge_agent.state_file import StateError, StateFile

log = logging.getLogger(__name__)

_NAME = "desired.json"
# As the record beside it: whoever polls by hand is often root.
_READABLE = 0o644


class StandingFile:
    """``desired.json`` in a folder of bundles."""

    def __init__(self, directory: Path) -> None:
        self._file = StateFile(directory / _NAME, _READABLE)
        self._unwritten: Standing | None = None

    def read(self) -> Standing:
        """What it says; one that cannot be used is set aside and told, and nothing is desired then."""
        if self._unwritten is not None:
            return self._unwritten
        try:
            content = self._file.read()
            return Standing() if content is None else msgspec.json.decode(content, type=Standing)
        except (StateError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            self._file.set_aside(str(error))
            return Standing()

    def change(self, change: Callable[[Standing], Standing]) -> Standing:
        """Replace it by what ``change`` makes of it. A disk that takes no writes is told: a restart then knows
        nothing of it."""
        before = self.read()
        after = change(before)
        if after != before or self._unwritten is not None:
            try:
                self._file.write(msgspec.json.format(msgspec.json.encode(after), indent=2))
            except StateError as error:
                log.error("%s; a restart forgets it", error)  # noqa: TRY400 it says all
                self._unwritten = after
            else:
                self._unwritten = None
        return after

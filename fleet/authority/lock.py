"""Has one at a time change a site's authority: of a list that two read and both replace, what one wrote is lost."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge_agent.bundles.ownership import give_to_owner
from fleet.authority.errors import AuthorityBusyError, AuthorityError
from models.file_lock import wait_for_lock

_NAME = "lock"


class Lock:
    """That of the authority in ``directory``; it is gone with the process that holds it."""

    def __init__(self, directory: Path, patience_s: float) -> None:
        """``patience_s`` is for how long somebody else is waited for."""
        self._directory = directory
        self._patience_s = patience_s

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the only one, among processes and threads; not to be entered by who is inside already. Raises
        ``AuthorityBusyError`` where somebody else goes on being that, and ``AuthorityError``."""
        path = self._directory / _NAME
        try:
            file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise self._error(error) from error
        try:
            try:
                # Root makes kits in the folders of others, who go on with it.
                give_to_owner(path)
                self._wait_for(file)
            except OSError as error:
                raise self._error(error) from error
            with suppress(OSError):
                # For whoever waits and wants to know whom for.
                os.pwrite(file, str(os.getpid()).encode(), 0)
            yield
        finally:
            os.close(file)

    def _error(self, error: OSError) -> AuthorityError:
        return AuthorityError(f"{self._directory}: cannot be changed: {error.strerror}")

    def _wait_for(self, file: int) -> None:
        if wait_for_lock(file, self._patience_s):
            os.ftruncate(file, 0)
            return
        holder = os.pread(file, 16, 0).decode(errors="replace")
        who = f"process {holder}" if holder.isdigit() else "another process"
        told = f"{who} has been changing it for {self._patience_s:g} s; end it if it hangs, and try again"
        raise AuthorityBusyError(f"{self._directory}: {told}")

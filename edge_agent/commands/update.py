"""``update`` and ``rollback``: another bundle, and the one before, each with a restart."""

from __future__ import annotations

from typing import Annotated

import msgspec

from edge_agent.bundles.installing import Installer
from edge_agent.commands.errors import CommandError
from edge_agent.commands.gate import Admitted
from edge_agent.commands.restart import Restart
from edge_agent.delivery.payloads import BundleName, Sha256


class UpdateArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the bundle's file is to be fetched, and which it is."""

    url: Annotated[str, msgspec.Meta(pattern=r"^https://", max_length=2048)]
    sha256: Sha256
    again: Annotated[bool, msgspec.Meta(description="also one that was on trial before and was left")] = False


class UpdateResult(msgspec.Struct, frozen=True, kw_only=True):
    """What passed its self-test, and whether the agent now restarts to have it on trial."""

    bundle: BundleName
    runtime: str
    restarts: bool


class RollbackArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """None."""


class RollbackResult(msgspec.Struct, frozen=True, kw_only=True):
    """Whether there was a bundle to go back from; the agent then restarts with the one before."""

    restarts: bool


class Updating:
    """Does both for an agent that may keep further bundles; ``installer`` is ``None`` where it may not."""

    def __init__(self, installer: Installer | None, restart: Restart) -> None:
        self._installer = installer
        self._restart = restart

    def update(self, arguments: UpdateArguments, _request: Admitted) -> UpdateResult:
        """Raises ``CommandError``, and what ``Installer.install`` raises."""
        installer = self._require_installer()
        self._restart.require_rested()
        found = installer.install(arguments.url, arguments.sha256, again=arguments.again)
        if found.trial:
            self._restart.begin()
        name = BundleName(name=found.manifest.name, version=found.manifest.version)
        return UpdateResult(bundle=name, runtime=found.runtime, restarts=found.trial)

    def roll_back(self, _arguments: RollbackArguments, request: Admitted) -> RollbackResult:
        """Raises ``CommandError``, and what ``Installer.roll_back`` raises."""
        installer = self._require_installer()
        self._restart.require_rested()
        changed = installer.roll_back(f"left by command of {request.operator or 'somebody'}") is not None
        if changed:
            self._restart.begin()
        return RollbackResult(restarts=changed)

    def _require_installer(self) -> Installer:
        if self._installer is None:
            raise CommandError("failed", "found no [updates] in the configuration; add the table, and restart")
        return self._installer

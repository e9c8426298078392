"""``update`` and ``rollback``: another bundle, and the one before."""

from __future__ import annotations

from typing import Annotated

import msgspec

from edge_agent.bundles.update_room import UpdateRoom
from edge_agent.commands.errors import CommandError
from edge_agent.commands.gate import Admitted
from edge_agent.delivery.payloads import BundleName, FileAddress, Sha256


class UpdateArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the bundle's file is to be fetched, and which it is."""

    url: FileAddress
    sha256: Sha256
    again: Annotated[bool, msgspec.Meta(description="also one that was on trial before and was left")] = False


class UpdateResult(msgspec.Struct, frozen=True, kw_only=True):
    """What passed its self-test, and whether it is on trial from now on: not where it is in use already."""

    bundle: BundleName
    runtime: str
    trial: bool


class RollbackArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """None."""


class RollbackResult(msgspec.Struct, frozen=True, kw_only=True):
    """Whether there was a bundle to go back from."""

    changed: bool


class Updating:
    """Does both for an agent that may keep further bundles, and has it see to what the record then says; ``updates`` is
    ``None`` where it may not."""

    def __init__(self, updates: UpdateRoom | None) -> None:
        self._updates = updates

    def update(self, arguments: UpdateArguments, _request: Admitted) -> UpdateResult:
        """Raises ``CommandError``, and what ``Installer.install`` raises."""
        updates = self._require_updates()
        found = updates.installer.install(arguments.url, arguments.sha256, again=arguments.again)
        updates.nudge()
        name = BundleName(name=found.manifest.name, version=found.manifest.version)
        return UpdateResult(bundle=name, runtime=found.runtime, trial=found.trial)

    def roll_back(self, _arguments: RollbackArguments, request: Admitted) -> RollbackResult:
        """Raises ``CommandError``, and what ``Installer.roll_back`` raises."""
        updates = self._require_updates()
        changed = updates.installer.roll_back(f"left by command of {request.operator or 'somebody'}") is not None
        updates.nudge()
        return RollbackResult(changed=changed)

    def _require_updates(self) -> UpdateRoom:
        if self._updates is None:
            raise CommandError("failed", "found no [updates] in the configuration; add the table, and restart")
        return self._updates

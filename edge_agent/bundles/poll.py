"""One look at the manifest that says which bundle a device should have."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from edge_agent.bundles.attempt import attempt
from edge_agent.bundles.choosing import digest_in_use
from edge_agent.bundles.desire_gate import MOST_BYTES, read_desired, require_newer
from edge_agent.bundles.errors import RefusedBundleError
from edge_agent.bundles.installing import Installed, Installer
from edge_agent.bundles.standing import accept, find_state, is_due
from edge_agent.bundles.standing_file import StandingFile


def poll(installer: Installer, address: str, now: datetime) -> Installed | None:
    """Have the bundle that the manifest at ``address`` desires put on trial; ``None`` where the device has it. ``now``
    is this device's clock. Beside that of the bundle no signature is asked for: who may write at that address is known
    by its certificate.

    Raises as ``Installer.install`` does, ``RefusedDesireError``, and ``RefusedBundleError`` for one that was refused or
    left before.
    """
    shelf, file = installer.shelf, StandingFile(installer.shelf.directory)
    wanted = read_desired(installer.downloader.read(address, MOST_BYTES))
    require_newer(wanted, file.read(), now)
    standing = file.change(partial(accept, wanted=wanted))
    record = shelf.read()
    in_use = digest_in_use(record, installer.plan.configured_bundle())
    if is_due(record, standing, in_use):
        return attempt(installer, file, wanted, lambda: None)
    state, reason = find_state(record, standing, in_use)
    if state in {"refused", "left"}:
        raise RefusedBundleError(f"bundle {wanted.sha256[:12]}, desired by {wanted.id!r}, is {state}: {reason}")
    return None

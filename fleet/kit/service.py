"""The service of a kit: the unit as it is, the drop-ins of the device, and one that hands over its secrets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fleet.kit.device_kind import DROP_IN_GROUPS
from fleet.kit.errors import KitError

UNIT = "nexara-edge.service"
ENROLLING = "nexara-edge-enrol.service"
UPDATING = "nexara-edge-update.service"
TIMER = "nexara-edge-update.timer"
CREDENTIALS = "/etc/nexara/credentials"
_ENROLLED = b"""# Made with the kit: until the device is enrolled there is no certificate to start with.
[Unit]
ConditionPathExists=/etc/nexara/device.pem
"""
_SECRETS = """# Made with the kit: what edge.toml calls credential:NAME is {folder}/NAME, which root alone can read.
[Service]
# The unit's own file, {own}, is not part of a kit.
LoadCredential=
"""


def list_service(
    checkout: Path, drop_ins: Sequence[str], credentials: Sequence[str], *, enrols: bool, updates: bool
) -> dict[str, bytes]:
    """The files of the service by their places below ``/etc/systemd/system``; with the one that enrols the device
    where it ``enrols`` itself, and with those that look for another bundle where it ``updates`` itself.

    Raises ``KitError`` where ``checkout`` has no units, and for drop-ins that there are not.
    """
    units = checkout / "systemd"
    if not (units / UNIT).is_file():
        raise KitError(f"{units}: no {UNIT} there; make kits from a checkout of NexaraVision")
    unknown = sorted(set(drop_ins) - set(DROP_IN_GROUPS))
    if unknown:
        raise KitError(f"drop-ins: found {', '.join(unknown)}; allowed are {', '.join(sorted(DROP_IN_GROUPS))}")
    loaded = "".join(f"LoadCredential={name}:{CREDENTIALS}/{name}\n" for name in credentials)
    secrets = _SECRETS.format(folder=CREDENTIALS, own="/etc/nexara/mqtt.password") + loaded
    files = {UNIT: (units / UNIT).read_bytes(), f"{UNIT}.d/credentials.conf": secrets.encode()}
    if updates:
        files |= {name: (units / name).read_bytes() for name in (UPDATING, TIMER)}
    for name in drop_ins:
        # A bundle's self-test needs the accelerator as the agent does.
        for unit in (UNIT, UPDATING) if updates else (UNIT,):
            files[f"{unit}.d/{name}.conf"] = (units / "drop-ins" / f"{name}.conf").read_bytes()
    if enrols:
        files[ENROLLING] = (units / ENROLLING).read_bytes()
        files[f"{UNIT}.d/enrolled.conf"] = _ENROLLED
    return files


def list_groups(drop_ins: Sequence[str]) -> list[str]:
    """The groups that must be there, or systemd does not start the service."""
    return sorted({group for name in drop_ins for group in DROP_IN_GROUPS[name]})

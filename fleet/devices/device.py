"""One device, as far as its messages tell."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge_agent.delivery.payloads import BundleStatus, CameraState, DesiredBundle, Health, Status
from fleet.devices.name import DeviceName

MOST_CAMERAS = 1024
"""More than that is no device of ours, and must not fill our memory."""


@dataclass(slots=True)
class Device:
    """The newest of each kind of message. ``away_since_s`` is since when it has been seen not to be online, by the
    reader's own rising clock; ``last_incident`` when a step of an incident last came, as its message says."""

    name: DeviceName
    status: Status | None = None
    away_since_s: float | None = None
    bundle: BundleStatus | None = None
    desired: DesiredBundle | None = None
    health: Health | None = None
    cameras: dict[str, CameraState] = field(default_factory=dict)
    last_incident: str | None = None
    malformed: int = 0

    @property
    def online(self) -> bool:
        return self.status is not None and self.status.state == "online"

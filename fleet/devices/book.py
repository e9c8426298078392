"""All devices that were heard of."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from edge_agent.delivery.payloads import BundleStatus, CameraState, DesiredBundle, Health, Incident, Status
from edge_agent.delivery.request import UNREADABLE, Request
from fleet.devices.device import MOST_CAMERAS, Device
from fleet.devices.name import DeviceName, split_topic

Form = TypeVar("Form")
_MOST_COUNTED = 2**53
_FILTERS = ("health", "camera/+/incident")
# The status is heard already; it comes again, after all that is retained below the others.
_DEVICE_FILTERS = ("bundle", "desired/bundle", "camera/+/state", "status")


def presence_filter(root: str, site: str | None) -> str:
    """Which devices of a site there are, or of all sites, and whether they are online."""
    return f"{root}/{site or '+'}/+/status"


def site_filters(root: str, site: str | None) -> tuple[str, ...]:
    """The same, and what devices say that is not retained."""
    return (*(f"{root}/{site or '+'}/+/{rest}" for rest in _FILTERS), presence_filter(root, site))


class Book:
    """Takes messages as they come, and keeps the newest of each kind; none of them ends it. ``changed`` names the
    devices that were heard of since somebody last cleared it."""

    def __init__(self, hear: Callable[[Sequence[str]], None], clock: Callable[[], float] = time.monotonic) -> None:
        """``hear`` is given the topics to hear further of each device that is met; ``clock`` is monotonic seconds."""
        self.devices: dict[DeviceName, Device] = {}
        self.changed: set[DeviceName] = set()
        self._hear = hear
        self._clock = clock

    def take(self, request: Request) -> None:
        """Note one message; raises nothing."""
        found = split_topic(request.topic)
        if found is None:
            return
        name, levels = found
        device = self.devices.get(name)
        if device is None:
            if not request.payload:
                return
            device = self.devices[name] = Device(name)
            self._hear(tuple(f"{name.topics.root}/{rest}" for rest in _DEVICE_FILTERS))
        self.changed.add(name)
        try:
            self._note(device, levels, request.payload)
        except UNREADABLE:
            device.malformed += 1

    def _note(self, device: Device, levels: tuple[str, ...], payload: bytes) -> None:
        match levels:
            case ("status",):
                device.status = _read(payload, Status)
                self._note_presence(device)
            case ("bundle",):
                device.bundle = _read(payload, BundleStatus)
            case ("desired", "bundle"):
                # One that cannot be read is as good as none: nothing could go back to it.
                device.desired = None
                device.desired = _read(payload, DesiredBundle)
            case ("health",):
                device.health = _require_plausible(_read(payload, Health))
            case ("camera", _, "incident") if payload:
                device.last_incident = msgspec.json.decode(payload, type=Incident).at
            case ("camera", camera, "state"):
                state = _read(payload, CameraState)
                if state is None:
                    device.cameras.pop(camera, None)
                elif camera in device.cameras or len(device.cameras) < MOST_CAMERAS:
                    device.cameras[camera] = state

    def _note_presence(self, device: Device) -> None:
        if device.online:
            device.away_since_s = None
        elif device.away_since_s is None:
            device.away_since_s = self._clock()


def _require_plausible(health: Health | None) -> Health | None:
    """``health``; raises ``OverflowError`` for counts that no device has, which nothing after here could show."""
    if health is not None:
        counts = (*msgspec.structs.astuple(health), *msgspec.structs.astuple(health.spool))
        if any(isinstance(one, int) and one > _MOST_COUNTED for one in counts):
            raise OverflowError(f"found a count above {_MOST_COUNTED}")
    return health


def _read(payload: bytes, form: type[Form]) -> Form | None:
    """What a retained message says; an empty one withdraws what was there."""
    return msgspec.json.decode(payload, type=form) if payload else None

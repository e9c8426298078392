"""What is wrong with a device, in words."""

from __future__ import annotations

from collections.abc import Iterator

from edge_agent.delivery.payloads import BundleStatus, CameraState, Health
from fleet.devices.device import Device

_MOST_NAMED = 2
_ENDED_BADLY = ("left", "refused", "failed")


def find_trouble(device: Device) -> tuple[str, ...]:
    """Everything that somebody should look at; empty where all is well."""
    return tuple(_list_trouble(device))


def _list_trouble(device: Device) -> Iterator[str]:
    if device.malformed:
        yield f"{device.malformed} malformed message(s)"
    if device.status is None:
        yield "no status"
        return
    if not device.online:
        # All else is the last that was known, and may be long over.
        yield device.status.state
        return
    if device.status.runtime is None:
        yield "no runtime"
    yield from _list_cameras(device)
    if device.health is not None:
        yield from _list_health(device.health)
    if device.bundle is not None:
        yield from _list_bundle(device.bundle)


def _list_cameras(device: Device) -> Iterator[str]:
    faults = [fault for state in device.cameras.values() if (fault := _find_fault(state))]
    if len(faults) > _MOST_NAMED:
        yield f"{len(faults)} cameras do not see"
    else:
        yield from faults


def _find_fault(state: CameraState) -> str | None:
    if state.connection != "connected":
        return f"{state.camera} {state.connection}"
    return None if state.picture == "ok" else f"{state.camera} {state.picture}"


def _list_health(health: Health) -> Iterator[str]:
    spool = health.spool
    lost = spool.refused + spool.dropped_by_age + spool.dropped_by_size + spool.dropped_unwritten
    if lost:
        yield f"{lost} message(s) lost"
    if spool.blocked_topics:
        yield f"{len(spool.blocked_topics)} topic(s) refused"
    if health.dropped:
        yield f"{health.dropped} sample(s) given up"
    if health.rate_share < 1:
        yield f"sampled at {health.rate_share:.0%}"


def _list_bundle(bundle: BundleStatus) -> Iterator[str]:
    if bundle.state in _ENDED_BADLY:
        yield f"bundle {bundle.state}: {bundle.reason}" if bundle.reason else f"bundle {bundle.state}"

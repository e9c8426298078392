"""What the list shows of one device."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

import msgspec

from edge_agent.delivery.payloads import UpdateState
from fleet.devices.device import Device
from fleet.devices.trouble import find_trouble

_UNDER_WAY = ("fetching", "verifying", "trial")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One device. ``since`` is when it last said so; ``awake`` are cameras that are looked at closely, ``in_progress``
    those with an incident. What nobody told is null."""

    site: str
    device: str
    state: str
    since: str | None
    version: str | None
    bundle: str | None
    bundle_state: UpdateState | None
    bundle_progress: float | None
    trial: bool
    runtime: str | None
    cameras: int
    connected: int
    awake: int
    in_progress: int
    last_incident: str | None
    spool_messages: int | None
    memory_bytes: int | None
    temperature_c: float | None
    trouble: tuple[str, ...]


def make_row(device: Device) -> Row:
    """The newest that is known of a device."""
    status, bundle, health = device.status, device.bundle, device.health
    judging = (bundle and bundle.current) or (status and status.bundle) or None
    cameras = device.cameras.values()
    return Row(
        site=device.name.site,
        device=device.name.device,
        state="unknown" if status is None else status.state,
        since=None if status is None else status.at,
        version=None if status is None else status.version,
        bundle=None if judging is None else f"{judging.name} {judging.version}",
        bundle_state=None if bundle is None else bundle.state,
        bundle_progress=None if bundle is None else bundle.progress,
        trial=bundle is not None and bundle.trial,
        runtime=None if status is None else status.runtime,
        cameras=len(cameras),
        connected=sum(state.connection == "connected" for state in cameras),
        awake=sum(state.mode == "alert" for state in cameras),
        in_progress=sum(state.incident is not None for state in cameras),
        last_incident=device.last_incident,
        spool_messages=None if health is None else health.spool.messages,
        memory_bytes=None if health is None else health.memory_bytes,
        temperature_c=None if health is None else health.temperature_c,
        trouble=find_trouble(device),
    )


def order_rows(rows: Iterable[Row], most: int | None = None) -> list[Row]:
    """Those with trouble first, of these the ones that are away; then those where something is under way. At most
    ``most``, for a screen that has no room for more."""
    if most is None:
        return sorted(rows, key=_rank)
    return heapq.nsmallest(most, rows, key=_rank)


def _rank(row: Row) -> tuple[int, str, str]:
    if row.trouble:
        urgency = 0 if row.state != "online" else 1
    else:
        urgency = 2 if row.in_progress or row.bundle_state in _UNDER_WAY else 3
    return (urgency, row.site, row.device)

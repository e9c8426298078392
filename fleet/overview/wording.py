"""The words and figures of the list, for a table of any kind."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from fleet.overview.row import Row
from fleet.table import plain

HEADINGS = (
    "site", "device", "state", "since", "version", "bundle", "runtime", "cameras", "awake", "incident", "spool", "MB",
    "°C", "trouble",
)  # fmt: skip
_STEPS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))


def cells(row: Row, now: datetime) -> tuple[str, ...]:
    """One device's cells below ``HEADINGS``."""
    texts = (
        row.site,
        row.device,
        row.state,
        _ago(row.since, now),
        row.version or "-",
        _bundle(row),
        row.runtime or "-",
        f"{row.connected}/{row.cameras}",
        str(row.awake),
        "now" if row.in_progress else _ago(row.last_incident, now),
        _figure(row.spool_messages),
        _figure(None if row.memory_bytes is None else row.memory_bytes / 1e6),
        _figure(row.temperature_c),
        ", ".join(row.trouble),
    )
    return tuple(map(plain, texts))


def summary(rows: Iterable[Row]) -> str:
    """All of them in one line."""
    listed = list(rows)
    online = sum(row.state == "online" for row in listed)
    cameras, connected = sum(row.cameras for row in listed), sum(row.connected for row in listed)
    troubled = sum(bool(row.trouble) for row in listed)
    devices = f"{len(listed)} device(s), {online} online, {troubled} with trouble"
    return f"{devices}; {connected} of {cameras} camera(s) connected"


def _bundle(row: Row) -> str:
    if row.bundle is None:
        return "-"
    if row.bundle_state in (None, "settled", "kept"):
        return row.bundle
    share = "" if row.bundle_progress is None else f" {row.bundle_progress:.0%}"
    return f"{row.bundle} ({row.bundle_state}{share})"


def _ago(at: str | None, now: datetime) -> str:
    if at is None:
        return "-"
    try:
        seconds = max(0.0, (now - datetime.fromisoformat(at.replace("Z", "+00:00"))).total_seconds())
    except ValueError:
        # It has the form of a time, such as one of the 99th month.
        return "?"
    return next((f"{seconds / step:.0f} {unit}" for step, unit in _STEPS if seconds >= step), f"{seconds:.0f} s")


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"

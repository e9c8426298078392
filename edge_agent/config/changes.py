"""What differs between two configurations: what a running agent takes over, and what needs a restart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from edge_agent.camera_policies import CameraPolicies
from edge_agent.config.settings import Camera, Incidents, Sampling, Settings, Snapshots, Thresholds, Watched

# Windows reach over the largest gap in the judging thread, which keeps one for all cameras.
_STARTED_WITH = {"largest_gap_s"}
_LIVE: dict[str, frozenset[str]] = {
    name: frozenset(table.__struct_fields__) - _STARTED_WITH
    for name, table in {
        "thresholds": Thresholds,
        "sampling": Sampling,
        "incidents": Incidents,
        "snapshots": Snapshots,
    }.items()
}
_LIVE_OF_WATCHED = _LIVE["thresholds"] | _LIVE["sampling"] | _LIVE["incidents"]


def list_applied(before: Mapping[str, CameraPolicies], after: Mapping[str, CameraPolicies]) -> tuple[str, ...]:
    """Each figure that differs at a camera of both, as ``key old -> new (cameras)``."""
    cameras: dict[str, list[str]] = defaultdict(list)
    shared = before.keys() & after.keys()
    for camera in sorted(shared):
        old, new = _figures(before[camera]), _figures(after[camera])
        for key, value in old.items():
            if value != new[key]:
                cameras[f"{key} {_show(value)} -> {_show(new[key])}"].append(camera)
    return tuple(
        f"{change} ({'all cameras' if len(where) == len(shared) else ', '.join(where)})"
        for change, where in cameras.items()
    )


def list_restarts(started: Settings, wanted: Settings) -> tuple[str, ...]:
    """Each key that differs and that the agent only reads when it starts; values are not told, as some are secrets'
    references."""
    return (*_restarts_of_tables(started, wanted), *_restarts_of_watched("camera", started.camera, wanted.camera))


def _restarts_of_tables(started: Settings, wanted: Settings) -> Iterator[str]:
    for name in Settings.__struct_fields__:
        before, after = getattr(started, name), getattr(wanted, name)
        if name == "camera" or before == after:
            continue
        if isinstance(before, msgspec.Struct) and isinstance(after, msgspec.Struct):
            yield from (f"{name}.{key}" for key in _differing(before, after) if key not in _LIVE.get(name, ()))
        else:
            yield name


def _restarts_of_watched(kind: str, started: Sequence[Watched], wanted: Sequence[Watched]) -> Iterator[str]:
    before, after = ({one.id: one for one in some} for some in (started, wanted))
    yield from (f"{kind} {name} added" for name in after if name not in before)
    for name, one in before.items():
        other = after.get(name)
        if other is None:
            yield f"{kind} {name} removed"
            continue
        keys = [key for key in _differing(one, other) if key not in (*_LIVE_OF_WATCHED, "cell")]
        if keys:
            yield f"{kind} {name} {' and '.join(keys)}"
        if isinstance(one, Camera) and isinstance(other, Camera):
            yield from _restarts_of_watched("cell", one.cell, other.cell)


def _differing(before: msgspec.Struct, after: msgspec.Struct) -> list[str]:
    return [key for key in before.__struct_fields__ if getattr(before, key) != getattr(after, key)]


def _figures(policies: CameraPolicies) -> dict[str, Any]:
    return {key: value for policy in msgspec.to_builtins(policies).values() for key, value in policy.items()}


def _show(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)

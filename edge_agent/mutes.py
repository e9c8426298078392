"""Cameras that raise no alarm for a while."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from types import MappingProxyType

import msgspec

from edge_agent.kept_times import read_times
from edge_agent.state_file import StateFile


class Mutes:
    """Until when each camera is muted; kept in a file over a restart, and over by itself.

    A mute never lasts for longer than ``longest_s`` from now, whatever became of the clock since it began: of a device
    whose clock was wrong then, one may end sooner. Safe to use from any thread.
    """

    def __init__(self, longest_s: float, file: StateFile) -> None:
        """Takes up what ``file`` holds; one that cannot be used is set aside, and nothing is muted then."""
        self.longest_s = longest_s
        self._file = file
        self._changing = threading.Lock()
        self._until: Mapping[str, datetime] = MappingProxyType(read_times(file))

    def until(self, camera: str, now: datetime) -> datetime | None:
        """When a camera's mute ends; ``None``: it is not muted at ``now``."""
        until = self._until.get(camera)
        if until is None or not now < until <= now + timedelta(seconds=self.longest_s):
            return None
        return until

    def mute(self, cameras: Iterable[str], now: datetime, seconds: float) -> datetime:
        """Mute cameras from ``now`` on, in place of what was said of them before; 0 ends it. When it ends. Raises
        ``StateError`` when that cannot be kept; nothing has changed then."""
        until = now.astimezone(timezone.utc) + timedelta(seconds=seconds)
        with self._changing:
            wanted = {**self._until, **dict.fromkeys(cameras, until)}
            # Of cameras that are gone nothing must stay for ever.
            wanted = {camera: end for camera, end in wanted.items() if end > now}
            self._file.write(msgspec.json.encode(wanted))
            self._until = MappingProxyType(wanted)
        return until

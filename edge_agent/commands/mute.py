"""``mute``: cameras raise no alarm for a while."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated

import msgspec

from edge_agent.commands.errors import CommandError
from edge_agent.commands.gate import Admitted
from edge_agent.commands.target import SomeCamera, find_views
from edge_agent.delivery.timestamp import Timestamp, rfc3339
from edge_agent.mutes import Mutes


class MuteArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which cameras, and from now for how long."""

    camera: Annotated[SomeCamera | None, msgspec.Meta(description="null: all cameras")] = None
    seconds: Annotated[float, msgspec.Meta(ge=0, le=604_800, description="0 ends a mute")]


class MuteResult(msgspec.Struct, frozen=True, kw_only=True):
    """When it ends by itself; null where a mute was ended."""

    cameras: tuple[str, ...]
    until: Timestamp | None


class Muting:
    """Mutes cameras."""

    def __init__(self, mutes: Mutes, sources: Mapping[str, Sequence[str]], utc: Callable[[], datetime]) -> None:
        """``sources`` has the views of each source by its id."""
        self._mutes = mutes
        self._sources = sources
        self._utc = utc

    def act(self, arguments: MuteArguments, _request: Admitted) -> MuteResult:
        """Raises ``CommandError``, and ``StateError``."""
        longest_s = self._mutes.longest_s
        if arguments.seconds > longest_s:
            text = (
                f"found seconds = {arguments.seconds:g}; allowed are at most {longest_s:g} ([commands] longest_mute_s)"
            )
            raise CommandError("arguments", text)
        cameras = find_views(arguments.camera, self._sources)
        until = self._mutes.mute(cameras, self._utc(), arguments.seconds)
        return MuteResult(cameras=cameras, until=rfc3339(until) if arguments.seconds else None)

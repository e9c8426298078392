"""``ping``: whether somebody is there who does what is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from edge_agent.commands.gate import Admitted
from edge_agent.delivery.payloads import BundleName
from edge_agent.delivery.timestamp import Timestamp, rfc3339


class PingArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """None."""


class PingResult(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers, and what is watched."""

    version: str
    bundle: BundleName
    started_at: Timestamp
    cameras: tuple[str, ...]


class Ping:
    """Answers, and does nothing."""

    def __init__(
        self, version: str, bundle: Callable[[], BundleName], started_at: datetime, cameras: Sequence[str]
    ) -> None:
        self._version = version
        self._bundle = bundle
        self._started_at = rfc3339(started_at)
        self._cameras = tuple(cameras)

    def act(self, _arguments: PingArguments, _request: Admitted) -> PingResult:
        return PingResult(
            version=self._version, bundle=self._bundle(), started_at=self._started_at, cameras=self._cameras
        )

"""``ping``: whether somebody is there who does what is asked."""

from __future__ import annotations

from collections.abc import Sequence
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

    def __init__(self, version: str, bundle: BundleName, started_at: datetime, cameras: Sequence[str]) -> None:
        self._result = PingResult(
            version=version, bundle=bundle, started_at=rfc3339(started_at), cameras=tuple(cameras)
        )

    def act(self, _arguments: PingArguments, _request: Admitted) -> PingResult:
        return self._result

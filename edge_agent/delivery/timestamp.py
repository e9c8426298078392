"""Wall-clock times as they are written on MQTT: RFC 3339, UTC, milliseconds."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated

import msgspec

Timestamp = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$",
        description="RFC 3339 time in UTC with milliseconds",
        examples=["2026-03-01T22:14:07.250Z"],
    ),
]


def rfc3339(at: datetime) -> str:
    """Write a time; raises ``ValueError`` when ``at`` has no time zone, since guessing one would falsify evidence."""
    if at.tzinfo is None:
        raise ValueError(f"time without a time zone: {at!r}; pass an aware datetime in UTC")
    return at.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""Times on MQTT."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from edge_agent.delivery.timestamp import rfc3339


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 3, 1, 22, 14, 7, 250_999, tzinfo=timezone.utc), "2026-03-01T22:14:07.250Z"),
        (datetime(2026, 3, 1, tzinfo=timezone.utc), "2026-03-01T00:00:00.000Z"),
        (datetime(2026, 3, 1, 1, 0, tzinfo=timezone(timedelta(hours=2))), "2026-02-28T23:00:00.000Z"),
    ],
)
def test_time_is_written_in_utc_with_milliseconds(at: datetime, text: str) -> None:
    assert rfc3339(at) == text


def test_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a time zone"):
        rfc3339(datetime(2026, 3, 1))  # noqa: DTZ001 this is the point

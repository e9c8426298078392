from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

from edge_agent.health import HealthMeter, RateMeter, read_memory, read_temperature

AT = datetime(2026, 1, 1, tzinfo=timezone.utc)


def test_report_covers_one_period_when_asked_again() -> None:
    meter = HealthMeter(100.0)
    for milliseconds in range(1, 101):
        meter.judged(milliseconds / 1000)
    first = meter.report(110.0, AT, queue=3, dropped=7, share=1.0)
    assert first.samples_per_s == pytest.approx(10.0)
    assert (first.queue, first.dropped) == (3, 7)
    assert first.latency_p50_ms == pytest.approx(50.5)
    assert first.latency_p99_ms == pytest.approx(99.0, abs=0.1)
    second = meter.report(120.0, AT, queue=0, dropped=9, share=0.4)
    assert (second.samples_per_s, second.dropped) == (0.0, 2)
    assert (first.rate_share, second.rate_share) == (1.0, 0.4)
    assert second.latency_p50_ms is None
    assert second.latency_p99_ms is None


def test_rate_forgets_when_span_is_over() -> None:
    meter = RateMeter(4.0)
    for index in range(40):
        meter.count(index / 10)
    assert meter.rate(4.0) == pytest.approx(10.0)
    assert meter.rate(20.0) == 0.0


def test_read_memory_tells_this_process_when_linux_does(tmp_path: Path) -> None:
    assert read_memory() > 10_000_000
    assert read_memory(tmp_path / "none") == 0


@pytest.mark.parametrize(
    ("zones", "expected"), [({}, None), ({"0": "41500\n", "1": "63000\n"}, 63.0), ({"0": "broken", "1": "20000"}, 20.0)]
)
def test_read_temperature_takes_hottest_when_zones_differ(
    tmp_path: Path, zones: dict[str, str], expected: float | None
) -> None:
    for zone, text in zones.items():
        (tmp_path / f"thermal_zone{zone}").mkdir()
        (tmp_path / f"thermal_zone{zone}" / "temp").write_text(text)
    assert read_temperature(tmp_path) == expected

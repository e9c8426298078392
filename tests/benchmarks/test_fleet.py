from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import benchmarks.fleet
from benchmarks.fleet import describe, measure
from tests.benchmarks.test_idle import needs_mosquitto


@needs_mosquitto
def test_a_small_fleet_tells_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmarks.fleet, "_OUTAGE_S", 0.2)
    result = measure(tmp_path, 12, 20.0, 1.0, np.random.default_rng(2))
    assert (result.devices, result.lost) == (12, 0)
    assert result.incidents > 5
    assert 0 < result.p50_ms <= result.p99_ms <= result.largest_ms
    assert result.most_connects_a_second >= 12
    lines = list(describe(result))
    assert lines[1].startswith("12 devices on one Mosquitto")
    assert f"{result.incidents} incidents, 0 lost" in lines[1]

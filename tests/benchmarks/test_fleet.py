from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import benchmarks.fleet
from benchmarks.fleet import Fleet, describe, measure
from tests.benchmarks.test_idle import needs_mosquitto
from tests.edge_agent.delivery.listener import Listener
from tests.edge_agent.delivery.mosquitto import Mosquitto
from tests.edge_agent.delivery.samples import JPEG


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


def test_a_simulated_device_speaks_as_an_agent_does(tmp_path: Path) -> None:
    """The listener fails on whatever breaks the contract."""
    broker = Mosquitto(tmp_path).start()
    try:
        listener = Listener(broker.port)
        fleet = Fleet(1, broker.port, np.random.default_rng(2))
        while not fleet.accepted:
            fleet.turn(0.01)
        (device,) = fleet.devices
        device.tell_health()
        step = device.tell_incident(JPEG)
        (snapshot,) = listener.until_topic("/snapshot")
        (incident,) = listener.until_topic("/incident")
        assert len(listener.until_topic("/health")) == 1
        told = json.loads(incident.payload)
        assert (told["id"], told["snapshot"]) == (step, snapshot.user_properties["reference"])
        listener.close()
    finally:
        broker.stop()

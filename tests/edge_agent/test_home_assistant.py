"""Home Assistant itself and a running agent: a real process, bundle, video and broker between them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.edge_agent.agent_process import set_port, start
from tests.edge_agent.delivery.home_assistant import HomeAssistantProcess
from tests.edge_agent.delivery.mosquitto import Mosquitto

SHOWN = {"binary_sensor.yard_violence": "on", "binary_sensor.gate_status": "on", "sensor.yard_mode": "alert"}
GONE = {"binary_sensor.yard_violence": "unavailable", "binary_sensor.gate_status": "off"}


@contextmanager
def running(config: Path) -> Iterator[subprocess.Popen[str]]:
    """An agent that is killed unless it has ended."""
    agent = start(config)
    try:
        yield agent
    finally:
        agent.kill()
        agent.communicate(timeout=60)


@pytest.mark.slow
def test_home_assistant_shows_the_incidents_of_an_agent_that_ends_well_and_of_one_that_is_killed(
    config: Path, broker: Mosquitto, tmp_path: Path
) -> None:
    set_port(config, broker.port)
    with HomeAssistantProcess(tmp_path / "home", broker.port) as home:
        with running(config) as agent:
            home.until_shown(SHOWN)
            agent.terminate()
            home.until_shown(GONE)
        # Known by now, and so listened to before the first picture comes.
        with running(config):
            home.until_shown(SHOWN)
            home.until(lambda shown: (shown["image.yard_snapshot"]["picture"] or "").startswith("ffd8"))
            home.until(lambda shown: shown["sensor.gate_latency_p99"]["state"].replace(".", "").isdigit())
        home.until_shown(GONE)
    assert home.complaints() == []

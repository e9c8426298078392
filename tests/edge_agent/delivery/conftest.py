"""Brokers, listeners and outboxes that end with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.delivery.outbox import MqttOutbox
from tests.edge_agent.delivery.listener import Listener
from tests.edge_agent.delivery.mosquitto import Mosquitto
from tests.edge_agent.delivery.samples import make_outbox

OpenOutbox = Callable[..., MqttOutbox]
OpenListener = Callable[..., Listener]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A plain broker that keeps its retained messages over a restart; running."""
    lines = ("allow_anonymous true", "persistence true", f"persistence_location {tmp_path}/", "autosave_interval 1")
    mosquitto = Mosquitto(tmp_path, lines)
    yield mosquitto.start()
    mosquitto.stop()


@pytest.fixture
def listen() -> Iterator[OpenListener]:
    listeners: list[Listener] = []

    def open_(port: int, **options: Any) -> Listener:
        listeners.append(Listener(port, **options))
        return listeners[-1]

    yield open_
    for listener in listeners:
        listener.close()


@pytest.fixture
def deliver(tmp_path: Path) -> Iterator[OpenOutbox]:
    """Opens and starts an outbox; closed at the end unless the test did."""
    outboxes: list[MqttOutbox] = []

    def open_(port: int, **options: Any) -> MqttOutbox:
        outbox = make_outbox(port, tmp_path, **options)
        outboxes.append(outbox)
        outbox.start()
        return outbox

    yield open_
    for outbox in outboxes:
        if outbox.healthy:
            outbox.close(flush_s=0)

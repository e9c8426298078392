"""A broker with devices at it that end with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.edge_agent.delivery.mosquitto import Mosquitto
from tests.fleet.players import Players

Play = Callable[..., Players]


@pytest.fixture(autouse=True)
def no_settings_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have a fleet of their own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """It keeps a quarter of what is usual for a client and drops the rest, as any does of a larger fleet."""
    mosquitto = Mosquitto(tmp_path, ("allow_anonymous true", "max_queued_messages 250"))
    yield mosquitto.start()
    mosquitto.stop()


@pytest.fixture
def play(broker: Mosquitto, tmp_path: Path) -> Iterator[Play]:
    opened: list[Players] = []

    def open_(names: Iterable[str], **options: Any) -> Players:
        opened.append(Players(options.pop("port", broker.port), names, tmp_path / "devices", **options))
        return opened[-1]

    yield open_
    for players in opened:
        players.close()

"""What feeds the watchdog."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from edge_agent.events import Connection
from edge_agent.notifier import Notifier
from edge_agent.observation import Observation
from edge_agent.vigil import Vigil


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """A service manager's socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


def told(manager: socket.socket) -> list[str]:
    messages = []
    try:
        while True:
            messages.append(manager.recv(100).decode())
    except BlockingIOError:
        return messages


def observation(camera: str, connection: Connection, rate: float) -> Observation:
    at = datetime(2026, 3, 1, tzinfo=timezone.utc)
    return Observation(camera, at, connection, "idle", None, rate, 0, None, None)


@pytest.mark.parametrize(
    ("observations", "delivers", "fed"),
    [
        ([("a", "connected", 0.5)], True, True),
        ([("a", "connected", 0.0)], True, False),
        ([("a", "connected", 0.5)], False, False),
        ([("a", "failed", 0.0)], True, True),
        ([("a", "connected", 0.0), ("b", "failed", 0.0)], True, False),
        ([("a", "connected", 0.0), ("b", "connected", 0.5)], True, True),
        ([("a", "stalled", 0.0), ("b", "connecting", 0.0)], True, True),
    ],
)
def test_watchdog_is_fed_only_when_work_gets_on(
    manager: socket.socket, observations: list[tuple[str, Connection, float]], delivers: bool, fed: bool
) -> None:
    vigil = Vigil(Notifier({"NOTIFY_SOCKET": manager.getsockname()}), lambda: delivers, lambda: 0.0)
    for camera, connection, rate in observations:
        vigil.observe(observation(camera, connection, rate))
    assert told(manager) == ["READY=1"] + ["WATCHDOG=1"] * fed


def test_watchdog_is_fed_no_more_than_needed(manager: socket.socket) -> None:
    now = [0.0]
    vigil = Vigil(Notifier({"NOTIFY_SOCKET": manager.getsockname()}), lambda: True, lambda: now[0])
    for now[0] in (0.0, 1.0, 4.9, 5.0, 6.0):
        vigil.observe(observation("a", "connected", 1.0))
    assert told(manager) == ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]


def test_abstract_socket_is_reached() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0nexara-test-notify")
        listening.setblocking(False)
        Notifier({"NOTIFY_SOCKET": "@nexara-test-notify"}).stopping()
        assert listening.recv(100) == b"STOPPING=1"


def test_nothing_happens_when_there_is_no_service_manager(caplog: pytest.LogCaptureFixture) -> None:
    Notifier({}).ready()
    assert caplog.text == ""


def test_warning_is_logged_when_the_socket_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    Notifier({"NOTIFY_SOCKET": "/nowhere/notify"}).alive()
    assert "service manager not told WATCHDOG=1" in caplog.text

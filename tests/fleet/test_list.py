"""``nexara fleet list`` at a real broker."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import subprocess
import sys
from datetime import datetime, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from edge_agent.delivery.message import Message
from edge_agent.delivery.request import Request
from fleet.command import main
from fleet.devices.book import Book
from fleet.devices.device import Device
from fleet.devices.name import DeviceName
from fleet.overview.board import Board
from fleet.overview.row import make_row, order_rows
from fleet.overview.view import draw
from fleet.overview.wording import cells, summary
from tests.edge_agent.delivery.mosquitto import Mosquitto
from tests.edge_agent.top.test_command import read_until
from tests.fleet.conftest import Play

ROOT = "nexara/v1/school/gate"


def list_json(capsys: pytest.CaptureFixture[str], port: int, *options: str) -> tuple[int, list[dict[str, Any]]]:
    code = main(["list", "--broker", f"mqtt://127.0.0.1:{port}", "--wait", "0", "--json", *options])
    return code, json.loads(capsys.readouterr().out)


def test_a_fleet_is_listed_with_trouble_first(
    broker: Mosquitto, play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    players = play([f"school-{number % 4}/gate-{number:03}" for number in range(200)])
    players.join()
    players["school-3/gate-199"].tell("offline")
    players["school-2/gate-102"].join(["yard"], connection="failed", reason="no route")
    players["school-1/gate-101"].join(["yard"], incident="7")
    players.flush()
    code, rows = list_json(capsys, broker.port, "--check")
    assert code == 1
    assert len(rows) == 200
    assert [row["device"] for row in rows[:4]] == ["gate-199", "gate-102", "gate-101", "gate-000"]
    assert [row["trouble"] for row in rows[:3]] == [["offline"], ["yard failed"], []]
    assert all((row["connected"], row["cameras"]) == (2, 2) for row in rows[2:])
    assert rows[5]["bundle"] == "violence 1.0.0"
    code, rows = list_json(capsys, broker.port, "--check", "--site", "school-0")
    assert code == 0
    assert {row["site"] for row in rows} == {"school-0"}
    assert len(rows) == 50


def test_table_tells_health_once_it_was_heard(broker: Mosquitto, play: Play) -> None:
    players = play(["school/gate"])
    players.join()
    broker_url = f"mqtt://127.0.0.1:{broker.port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "models.command_line", "fleet", "list", "--broker", broker_url, "--wait", "2"],
        stdout=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None:
        players["school/gate"].tell_health(dropped=3)
        players.flush()
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
    assert process.stdout is not None
    shown = process.stdout.read()
    assert process.returncode == 0
    assert "school  gate    online" in shown
    assert "3 sample(s) given up" in shown
    assert "1 device(s), 1 online, 1 with trouble; 2 of 2 camera(s) connected" in shown


@pytest.mark.parametrize(
    "payload",
    [b"{", b"\xff\xfe", b"[" * 20000, b'{"state": "online"}'],
    ids=["cut off", "no text", "deep", "fields missing"],
)
def test_a_message_that_cannot_be_read_is_its_device_s_trouble_alone(
    broker: Mosquitto, play: Play, capsys: pytest.CaptureFixture[str], payload: bytes
) -> None:
    players = play(["school/gate", "school/door"])
    players.join()
    for topic in ("bundle", "camera/yard/state", "status"):
        players.say(Message(f"{ROOT}/{topic}", payload, retain=True))
    players.flush()
    code, rows = list_json(capsys, broker.port)
    assert code == 0
    assert [(row["device"], bool(row["trouble"])) for row in rows] == [("gate", True), ("door", False)]


def test_nothing_is_not_well(broker: Mosquitto, capsys: pytest.CaptureFixture[str]) -> None:
    assert list_json(capsys, broker.port, "--check") == (1, [])


def test_live_view_shows_the_fleet_and_says_when_the_broker_is_away(broker: Mosquitto, play: Play) -> None:
    players = play(["school/gate"])
    players.join()
    command = [sys.executable, "-m", "models.command_line", "fleet", "list", "--watch"]
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "160", "LINES": "40"}
    view = subprocess.Popen(
        [*command, "--broker", f"mqtt://127.0.0.1:{broker.port}"],
        stdout=theirs, stderr=subprocess.PIPE, env=environment,
    )  # fmt: skip
    os.close(theirs)
    read_until(ours, "gate")
    broker.kill()
    read_until(ours, "the broker is away")
    broker.start()
    read_until(ours, "Ctrl-C ends")
    view.send_signal(signal.SIGINT)
    _, errors = view.communicate(timeout=30)
    os.close(ours)
    assert view.returncode == 130
    assert errors == b""


def say(book: Book, topic: str, payload: bytes) -> None:
    book.take(Request(topic, payload, True, None, None, ()))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["status", "bundle", "desired/bundle", "health", "camera/a/state", "camera/a/incident", "x"]
            ),
            st.binary(max_size=60) | st.just(b"{}"),
        )
    )
)
def test_whatever_is_published_is_taken(messages: list[tuple[str, bytes]]) -> None:
    book = Book(lambda _topics: None, lambda: 0.0)
    for topic, payload in messages:
        say(book, f"{ROOT}/{topic}", payload)
    assert len(Board(book).refresh()) == len(book.devices) <= 1


NUMBERS = st.integers(0, 10**400) | st.floats(0, allow_nan=False, allow_infinity=False)
TIMES = st.sampled_from(["2026-03-01T22:14:07.000Z", "0000-99-99T99:99:99.999Z", "9999-12-31T23:59:59.999Z"])


@given(st.lists(NUMBERS, min_size=10, max_size=10), TIMES, st.text(max_size=200))
def test_whatever_passes_for_a_message_can_be_shown(numbers: list[float], at: str, text: str) -> None:
    book = Book(lambda _topics: None)
    status = {
        "state": "online", "at": at, "version": text, "boot_id": text, "started_at": at,
        "bundle": {"name": text, "version": text}, "runtime": text,
    }  # fmt: skip
    counted = ("messages", "bytes", "refused", "dropped_by_age", "dropped_by_size", "dropped_unwritten")
    health = {
        "at": at, "samples_per_s": numbers[6], "queue": numbers[7], "latency_p50_ms": None, "latency_p99_ms": None,
        "dropped": numbers[8], "rate_share": 0.5, "memory_bytes": numbers[9], "temperature_c": -numbers[6],
        "spool": {**dict(zip(counted, numbers, strict=False)), "blocked_topics": [text]},
    }  # fmt: skip
    bundle = {
        "at": at, "current": {"name": text, "version": text, "sha256": None}, "trial": True, "desired": None,
        "state": "fetching", "progress": numbers[6], "reason": text,
    }  # fmt: skip
    for topic, message in (("status", status), ("health", health), ("bundle", bundle)):
        say(book, f"{ROOT}/{topic}", json.dumps(message).encode())
    rows = order_rows(Board(book).refresh())
    assert msgspec.json.decode(msgspec.json.encode(rows))[0]["state"] == "online"
    shown = cells(rows[0], datetime(2026, 3, 1, 23, tzinfo=timezone.utc))
    assert all(cell.isprintable() and len(cell) <= 120 for cell in shown)


@pytest.mark.parametrize(
    "topic", ["nexara/v1/a b/gate/status", "nexara/v1/school/status", "other/v1/a/b/c", "nexara/v2"]
)
def test_topics_of_no_device_are_passed_over(topic: str) -> None:
    book = Book(lambda _topics: None)
    say(book, topic, b"{}")
    assert book.devices == {}


def test_words_of_a_device_cannot_steer_the_terminal() -> None:
    device = Device(DeviceName("school", "gate"), last_incident="2026-03-01T22:14:07.000Z")
    book = Book(lambda _topics: None)
    status = {
        "state": "online", "at": "2026-03-01T22:14:07.000Z", "version": "\x1b[2J[bold]", "boot_id": "b",
        "started_at": "2026-03-01T22:14:07.000Z", "bundle": None, "runtime": "r" * 500,
    }  # fmt: skip
    say(book, f"{ROOT}/status", json.dumps(status).encode())
    rows = order_rows([*Board(book).refresh(), make_row(device)], most=1)
    assert rows[0].trouble == ("no status",)
    rows = order_rows(Board(book).refresh()) or [make_row(book.devices[device.name])]
    paper = io.StringIO()
    now = datetime(2026, 3, 1, 23, 14, 7, tzinfo=timezone.utc)
    Console(width=400, file=paper).print(draw("title", rows, summary(rows), now))
    assert "\x1b" not in paper.getvalue()
    assert "?[2J[bold]" in paper.getvalue()
    assert "1 h" in paper.getvalue()
    assert "r" * 121 not in paper.getvalue()

"""Commands as an operator sends them: a real agent, a real broker, and an MQTT 5 client that asks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.edge_agent.commands.agent_process import AgentProcess, states
from tests.edge_agent.commands.asking import ROOT, Asker, now, write
from tests.edge_agent.delivery.listener import Listener
from tests.edge_agent.delivery.mosquitto import Mosquitto

MORE = """
[commands]
allow = ["ping", "snapshot", "set", "mute", "label", "logs"]
"""
# Time of the request, since the table is made when tests are collected, which may be minutes before.
NOW = "@now@"
MASK = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]


def fresh(arguments: Any = None, **changes: Any) -> bytes:
    return write(arguments, **{"issued_at": NOW, **changes})


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path_factory.mktemp("broker"))
    yield broker.start()
    broker.stop()


@pytest.fixture(scope="module")
def listener(mosquitto: Mosquitto) -> Iterator[Listener]:
    listener = Listener(mosquitto.port)
    yield listener
    listener.close()


@pytest.fixture(scope="module")
def asker(
    mosquitto: Mosquitto,
    listener: Listener,
    tmp_path_factory: pytest.TempPathFactory,
    tiny_bundle_directory: Path,
    key_folder: Path,
) -> Iterator[Asker]:
    """Asks a running agent, of which each test leaves the cameras as they were."""
    folder = tmp_path_factory.mktemp("agent")
    agent = AgentProcess(folder, mosquitto.port, tiny_bundle_directory, key_folder / "public.pem", MORE)
    agent.start(listener)
    asker = Asker(mosquitto.port)
    yield asker
    asker.close()
    agent.stop()
    assert agent.process.returncode == 0, agent.log
    assert "Traceback" not in agent.log


def test_ping_is_answered_with_what_is_watched(asker: Asker) -> None:
    answer = asker.ask("ping", id="ping-1")
    assert (answer["id"], answer["command"], answer["ok"], answer["error"]) == ("ping-1", "ping", True, None)
    assert answer["result"]["cameras"] == ["yard", "door"]
    assert answer["result"]["bundle"]["name"] == "tiny"


@pytest.mark.parametrize(
    ("name", "payload", "kind", "told"),
    [
        ("ping", b"{", "malformed", "found what is no request"),
        ("ping", b"\xff\x00", "malformed", "found what is no request"),
        ("ping", b"[" * 5000, "malformed", "found what is no request"),
        ("ping", fresh(id=None), "malformed", "missing required field `id`"),
        ("ping", fresh(id="no good"), "malformed", "$.id"),
        ("ping", fresh(issued_at="yesterday"), "malformed", "RFC3339"),
        ("ping", fresh(issued_at="2026-03-01T22:14:07"), "malformed", "timezone"),
        ("ping", fresh(more=1), "malformed", "unknown field `more`"),
        ("ping", fresh({"camera": "yard"}), "arguments", "unknown field `camera`"),
        ("ping", fresh(issued_at="2026-03-01T22:14:07Z"), "time", "allowed are 60 s"),
        ("ping", fresh(issued_at="9999-12-31T23:59:59Z"), "time", "after this device's clock"),
        ("ping", fresh(x="a" * 20_000), "size", "allowed are 16384"),
        ("restart", fresh(), "not_allowed", "allowed here are label, logs, mute, ping, set, snapshot"),
        ("format", fresh(), "unknown", "found the command 'format'"),
        ("snapshot", fresh({"camera": "hall"}), "arguments", "found the camera 'hall'; allowed are yard, door"),
        ("snapshot", fresh({"camera": "../yard"}), "arguments", "$.camera"),
        ("mute", fresh({"seconds": 1e5}), "arguments", "allowed are at most 28800"),
        ("mute", fresh({"seconds": -1}), "arguments", ">= 0"),
        ("set", fresh(), "arguments", "found nothing to set"),
        ("set", fresh({"wake": 0.5, "revert": True}), "arguments", "found revert beside other keys"),
        ("set", fresh({"alert": 1.5}), "arguments", "$.alert"),
        ("set", fresh({"alert": 0.5}), "arguments", "camera[0]: clear = 1.0 is above alert = 0.5"),
        ("set", fresh({"alert": 0.4, "clear": 0.5}), "arguments", "camera[0].clear: found 0.5 above alert = 0.4"),
        ("set", fresh({"camera": "hall", "wake": 0.5}), "arguments", "allowed are yard, door"),
        ("set", fresh({"masks": []}), "arguments", "$.masks"),
        ("set", fresh({"faces": "show"}), "arguments", "unknown field `faces`"),
        ("label", fresh({"incident": "../x", "alarm": "true"}), "arguments", "$.incident"),
        ("label", fresh({"incident": "1", "alarm": "maybe"}), "arguments", "'maybe'"),
        ("logs", fresh({"lines": 10_000}), "arguments", "$.lines"),
    ],
    # A payload's id is drawn anew by each process that collects tests, and names of tests must not be.
    ids=itertools.count(),
)  # fmt: skip
def test_what_is_wrong_with_a_request_is_its_answer(
    asker: Asker, name: str, payload: bytes, kind: str, told: str
) -> None:
    answer = asker.answer(asker.send(name, payload.replace(NOW.encode(), now().encode())))
    assert (answer["ok"], answer["result"]) == (False, None)
    assert answer["error"]["kind"] == kind, answer
    assert told in answer["error"]["text"]


def test_retained_request_is_refused_while_it_is_published(asker: Asker) -> None:
    answer = asker.answer(asker.send("ping", write(), retain=True))
    assert answer["error"]["kind"] == "retained"
    asker.send("ping", b"", retain=True, response_topic=None)


def test_same_request_is_done_once(asker: Asker) -> None:
    payload = write({"camera": "yard", "seconds": 0})
    assert asker.answer(asker.send("mute", payload))["ok"]
    again = asker.answer(asker.send("mute", payload))
    assert (again["ok"], again["error"]["kind"]) == (False, "replayed")


@pytest.mark.parametrize(
    "topic",
    [
        f"{ROOT}/camera/yard/incident",
        f"{ROOT}/command/ping",
        f"{ROOT}/answer/",
        "nexara/v1/school/other/answer/x",
        "elsewhere",
        f"{ROOT}/answer/{'x' * 300}",
    ],
)
def test_nothing_is_done_or_published_for_a_response_topic_of_somebody_else(
    asker: Asker, listener: Listener, topic: str
) -> None:
    asker.send("mute", write({"seconds": 60}), response_topic=topic)
    # What is asked next is done after it.
    asker.ask("ping")
    heard = listener.until(lambda _heard: True)
    assert [one for one in heard if one.topic == topic and b'"mute"' in one.payload and b'"ok"' in one.payload] == []
    assert all(state["muted_until"] is None for state in states(heard, "yard"))


def test_request_without_a_response_topic_is_done(asker: Asker, listener: Listener) -> None:
    asker.send("mute", write({"camera": "door", "seconds": 600}), response_topic=None)
    listener.until(lambda heard: states(heard, "door")[-1]["armed"] is False)
    asker.send("mute", write({"camera": "door", "seconds": 0}), response_topic=None)
    listener.until(lambda heard: states(heard, "door")[-1]["armed"] is True)


def test_mute_is_told_in_the_state_of_its_cameras_alone(asker: Asker, listener: Listener) -> None:
    answer = asker.ask("mute", {"camera": "yard", "seconds": 600})
    assert answer["result"]["cameras"] == ["yard"]
    until = answer["result"]["until"]
    heard = listener.until(lambda heard: states(heard, "yard")[-1]["muted_until"] == until)
    assert states(heard, "yard")[-1]["armed"] is False
    assert states(heard, "door")[-1]["armed"] is True
    assert asker.ask("mute", {"seconds": 0})["result"] == {"cameras": ["yard", "door"], "until": None}
    listener.until(lambda heard: states(heard, "yard")[-1]["armed"] is True)


def test_snapshot_is_sent_on_the_topic_of_snapshots(asker: Asker, listener: Listener) -> None:
    result = asker.ask("snapshot", {"camera": "door"})["result"]
    heard = listener.until(lambda heard: any(
        one.user_properties.get("reference") == result["reference"] for one in heard
    ))  # fmt: skip
    picture = next(one for one in heard if one.user_properties.get("reference") == result["reference"])
    assert picture.topic == f"{ROOT}/camera/door/snapshot"
    assert (picture.user_properties["incident"], picture.user_properties["camera"]) == ("", "door")
    assert _pixels(picture.payload).std() > 5


def test_set_is_in_force_at_once_and_reverted(asker: Asker) -> None:
    changed = asker.ask("set", {"camera": "yard", "idle_interval_s": 0.4, "wake": 0.9})
    assert changed["result"]["applied"] == ["wake 1 -> 0.9 (yard)", "idle_interval_s 0.5 -> 0.4 (yard)"]
    assert changed["result"]["restarts"] is False
    assert asker.ask("set", {"camera": "yard", "wake": 0.9})["result"]["applied"] == []
    back = asker.ask("set", {"revert": True})
    assert back["result"]["applied"] == ["wake 0.9 -> 1 (yard)", "idle_interval_s 0.4 -> 0.5 (yard)"]


def test_mask_hides_from_the_next_picture_on_and_no_command_takes_it_away(asker: Asker, listener: Listener) -> None:
    assert asker.ask("set", {"camera": "yard", "masks": [MASK]})["result"]["applied"] == ["masks 0 -> 1 (yard)"]
    assert asker.ask("set", {"camera": "yard", "revert": True})["result"]["applied"] == []
    listener.until(lambda heard: states(heard, "yard")[-1]["connection"] == "connected")
    for _ in range(2):
        # The first may have been made before the mask was set, and judged since.
        reference = asker.ask("snapshot", {"camera": "yard"})["result"]["reference"]
    heard = listener.until(lambda heard: any(one.user_properties.get("reference") == reference for one in heard))
    picture = next(one for one in heard if one.user_properties.get("reference") == reference)
    assert _pixels(picture.payload).max() <= 2


def test_labels_are_counted_by_incident(asker: Asker) -> None:
    asker.ask("label", {"incident": "a", "alarm": "true"})
    asker.ask("label", {"incident": "b", "alarm": "true", "note": "two boys"})
    answer = asker.ask("label", {"incident": "b", "alarm": "false"})
    assert answer["result"] == {"clip": None, "newest": {"true": 1, "false": 1}}


def test_logs_are_the_newest_lines_from_a_level_on(asker: Asker) -> None:
    asker.ask("ping", id="this-one")
    lines = asker.ask("logs", {"lines": 5})["result"]["lines"]
    assert len(lines) == 5
    assert any("command ping done, id 'this-one'" in line for line in lines)
    warnings = asker.ask("logs", {"level": "warning"})["result"]["lines"]
    assert warnings
    assert all(" INFO " not in line for line in warnings)


def _pixels(jpeg: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)

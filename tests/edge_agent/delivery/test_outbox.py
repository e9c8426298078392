"""The outbox against a real Mosquitto."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from edge_agent.delivery import payloads
from edge_agent.delivery.broker import TLSFiles
from edge_agent.delivery.courier import BLOCKED_FOR_S
from edge_agent.delivery.errors import SpoolError
from edge_agent.delivery.message import JPEG as JPEG_TYPE
from edge_agent.delivery.message import Message
from edge_agent.delivery.message_schemas import generate_schemas
from edge_agent.delivery.presence import Presence
from edge_agent.delivery.spool import Spool, StoredMessage
from tests.edge_agent.delivery.conftest import OpenListener, OpenOutbox
from tests.edge_agent.delivery.listener import wait_for
from tests.edge_agent.delivery.mosquitto import Mosquitto, make_private_ca
from tests.edge_agent.delivery.samples import JPEG, ROOT, health, incident, make_outbox, snapshot, state

ACL = """user agent
topic write nexara/v1/school/gate/status
topic write nexara/v1/school/gate/camera/+/state
topic write nexara/v1/school/gate/camera/+/snapshot
topic write nexara/v1/school/gate/health
{extra}
user dashboard
topic read nexara/v1/#
"""


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker with passwords and an ACL that refuses incidents; not started."""
    acl = tmp_path / "acl"
    acl.write_text(ACL.format(extra=""))
    lines = ("allow_anonymous false", f"password_file {tmp_path / 'passwords'}", f"acl_file {acl}")
    mosquitto = Mosquitto(tmp_path, lines)
    for name in ("agent", "dashboard"):
        mosquitto.add_password(name, f"{name}-secret")
    yield mosquitto
    mosquitto.stop()


@pytest.fixture
def mosquitto_sub() -> str:
    """The real command-line client."""
    found = shutil.which("mosquitto_sub")
    if found is None:
        pytest.skip("no mosquitto_sub here; install the Debian package mosquitto-clients")
    return found


def sequences(heard: list[bytes]) -> list[int]:
    """Sequences of incident payloads in order of their first arrival."""
    return list(dict.fromkeys(json.loads(payload)["sequence"] for payload in heard))


def test_every_kind_arrives_as_its_schema_says_when_broker_is_plain(
    broker: Mosquitto, listen: OpenListener, deliver: OpenOutbox
) -> None:
    listener = listen(broker.port)
    outbox = deliver(broker.port)
    wait_for(lambda: outbox.connected, "no session")
    outbox.camera_state(state())
    outbox.incident(incident())
    outbox.snapshot(snapshot())
    outbox.health(health())
    expected = {
        "/status": payloads.Status,
        "/camera/yard/state": payloads.CameraState,
        "/camera/yard/incident": payloads.Incident,
        "/health": payloads.Health,
    }
    for suffix, type_ in expected.items():
        one = listener.until_topic(suffix)[0]
        assert one.topic == ROOT + suffix
        assert one.content_type == "application/json"
        assert one.qos == (0 if suffix == "/health" else 1)
        decoded = msgspec.json.decode(one.payload, type=type_)
        assert msgspec.json.encode(decoded) == one.payload
    picture = listener.until_topic("/snapshot")[0]
    assert (picture.payload, picture.content_type) == (JPEG, JPEG_TYPE)
    assert msgspec.convert(picture.user_properties, payloads.SnapshotProperties).reference == "snapshot-1"


def test_retained_state_is_seen_when_subscriber_is_late(
    broker: Mosquitto, listen: OpenListener, deliver: OpenOutbox
) -> None:
    outbox = deliver(broker.port)
    early = listen(broker.port)
    for score in (0.1, 0.2, 0.3):
        outbox.camera_state(state(score=score))
    early.until(lambda heard: any(b"0.3" in one.payload for one in heard if one.topic.endswith("/state")))
    late = listen(broker.port)
    assert json.loads(late.until_topic("/camera/yard/state")[0].payload)["score"] == 0.3
    assert late.until_topic("/camera/yard/state")[0].retain
    assert json.loads(late.until_topic("/status")[0].payload)["state"] == "online"


def test_incidents_wait_and_arrive_in_order_when_broker_comes_later(
    tmp_path: Path, listen: OpenListener, deliver: OpenOutbox
) -> None:
    broker = Mosquitto(tmp_path)
    outbox = deliver(broker.port)
    for sequence in range(40):
        outbox.incident(incident(sequence))
    wait_for(lambda: outbox._spool.counts().waiting == 40, "not on disk")
    broker.start()
    try:
        heard = listen(broker.port).until_topic("/incident", 40)
        assert sequences([one.payload for one in heard]) == list(range(40))
        wait_for(lambda: outbox._spool.counts().waiting == 0, "not removed after acknowledgement")
    finally:
        broker.stop()


def test_what_was_not_acknowledged_arrives_in_order_when_broker_is_killed_in_mid_stream(
    broker: Mosquitto, listen: OpenListener, deliver: OpenOutbox
) -> None:
    outbox = deliver(broker.port)
    listener = listen(broker.port, durable=True)
    wait_for(lambda: broker.has_saved("durable-listener"), "the broker did not save the listener's session")
    for sequence in range(30):
        outbox.incident(incident(sequence))
    listener.until_topic("/incident", 10)
    broker.kill()
    for sequence in range(30, 60):
        outbox.incident(incident(sequence))
    wait_for(lambda: not outbox.connected, "still connected to a killed broker")
    acknowledged = 60 - outbox._spool.counts().waiting
    broker.start()
    heard = listener.until(lambda heard: any(b'"sequence":59' in one.payload for one in heard))
    seen = sequences([one.payload for one in heard if one.topic.endswith("/incident")])
    assert seen == sorted(seen)
    assert set(range(min(acknowledged, 30), 60)) <= set(seen)
    wait_for(lambda: outbox._spool.counts().waiting == 0, "backlog not acknowledged")


def test_spool_outlives_the_process_when_killed_without_broker(
    broker: Mosquitto, tmp_path: Path, listen: OpenListener, deliver: OpenOutbox
) -> None:
    agent = start_agent(tmp_path, port=1, incidents=5)
    wait_for(lambda: "spooled" in (tmp_path / "agent.out").read_text(), "agent did not spool")
    agent.kill()
    agent.wait()
    listener = listen(broker.port)
    deliver(broker.port)
    heard = listener.until_topic("/incident", 6)
    # The last is the end that the killed process owes.
    assert sequences([one.payload for one in heard]) == [0, 1, 2, 3, 4, 5]
    assert json.loads(heard[-1].payload)["reason"] == "interrupted"


def test_last_will_is_seen_when_agent_is_killed(broker: Mosquitto, tmp_path: Path, listen: OpenListener) -> None:
    listener = listen(broker.port)
    agent = start_agent(tmp_path, broker.port, incidents=1)
    listener.until_topic("/incident")
    os.kill(agent.pid, signal.SIGKILL)
    agent.wait()
    states = [json.loads(one.payload)["state"] for one in listener.until_topic("/status", 2)]
    assert states == ["online", "offline"]
    assert json.loads(listen(broker.port).until_topic("/status")[0].payload)["state"] == "offline"


def test_stopping_is_the_last_word_when_closed_cleanly(
    broker: Mosquitto, listen: OpenListener, deliver: OpenOutbox
) -> None:
    listener = listen(broker.port)
    outbox = deliver(broker.port)
    wait_for(lambda: outbox.connected, "no session")
    for sequence in range(20):
        outbox.incident(incident(sequence))
    outbox.close()
    heard = listener.until(lambda heard: any(b"stopping" in one.payload for one in heard))
    assert sequences([one.payload for one in heard if one.topic.endswith("/incident")]) == list(range(20))
    assert json.loads(listen(broker.port).until_topic("/status")[0].payload)["state"] == "stopping"


def test_status_names_the_runtime_when_it_changes(broker: Mosquitto, listen: OpenListener, deliver: OpenOutbox) -> None:
    listener = listen(broker.port)
    outbox = deliver(broker.port)
    wait_for(lambda: outbox.connected, "no session")
    outbox.use_runtime("onnx-float32")
    listener.until(lambda heard: any(b'"runtime":"onnx-float32"' in one.payload for one in heard))


def test_status_names_the_runtime_when_it_changes_while_a_session_begins(
    broker: Mosquitto, listen: OpenListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: list[threading.Thread] = []
    make = Presence.message

    def change_meanwhile(presence: Presence, state: Literal["online", "offline", "stopping"]) -> Message:
        message = make(presence, state)
        if state == "online" and not changes:
            changes.append(threading.Thread(target=lambda: outbox.use_runtime("tflite-int8")))
            changes[0].start()
            changes[0].join(0.3)
        return message

    monkeypatch.setattr(Presence, "message", change_meanwhile)
    outbox = make_outbox(broker.port, broker.directory)
    listener = listen(broker.port)
    outbox.start()
    listener.until(lambda heard: any(b"tflite-int8" in one.payload for one in heard))
    outbox.close(flush_s=0)


def test_lost_broker_is_noticed_when_spool_cannot_be_read(
    broker: Mosquitto, deliver: OpenOutbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> list[StoredMessage]:
        raise SpoolError("disk I/O error")

    monkeypatch.setattr(Spool, "peek", fail)
    outbox = deliver(broker.port)
    wait_for(lambda: outbox.connected, "no session")
    broker.kill()
    wait_for(lambda: not outbox.connected, "the lost session was not noticed")


@pytest.mark.parametrize("with_client_certificate", [False, True])
def test_incident_arrives_when_broker_speaks_tls_with_a_private_ca(
    tmp_path: Path, deliver: OpenOutbox, mosquitto_sub: str, with_client_certificate: bool
) -> None:
    files = make_private_ca(tmp_path)
    lines = [
        "allow_anonymous true",
        f"cafile {files.ca}",
        f"certfile {files.server_certificate}",
        f"keyfile {files.server_key}",
        f"require_certificate {'true' if with_client_certificate else 'false'}",
    ]
    broker = Mosquitto(tmp_path, lines).start()
    client = {"certificate": files.client_certificate, "key": files.client_key} if with_client_certificate else {}
    try:
        outbox = deliver(broker.port, tls=TLSFiles(ca=files.ca, **client))
        outbox.incident(incident())
        command = [mosquitto_sub, "-V", "5", "-p", str(broker.port), "-h", "127.0.0.1", "-t", f"{ROOT}/#", "-v"]
        command += ["--cafile", str(files.ca), "-C", "1", "-W", "20"]
        if with_client_certificate:
            command += ["--cert", str(files.client_certificate), "--key", str(files.client_key)]
        seen = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
        assert seen.startswith(f"{ROOT}/status ")
        wait_for(lambda: outbox._spool.counts().waiting == 0, "incident not acknowledged")
    finally:
        broker.stop()


def test_mosquitto_sub_reads_an_incident(broker: Mosquitto, deliver: OpenOutbox, mosquitto_sub: str) -> None:
    outbox = deliver(broker.port)
    command = [mosquitto_sub, "-V", "5", "-p", str(broker.port), "-t", f"{ROOT}/camera/+/incident", "-C", "1"]
    with subprocess.Popen([*command, "-W", "20"], stdout=subprocess.PIPE, text=True) as subscriber:
        wait_for(lambda: broker.has_logged("camera/+/incident (QoS"), "mosquitto_sub did not subscribe")
        outbox.incident(incident(peak=0.95))
        assert subscriber.stdout is not None
        payload = json.loads(subscriber.stdout.read())
    assert (payload["phase"], payload["threat"], payload["at"]) == ("started", "high", "2026-03-01T22:14:07.250Z")
    assert set(payload) == set(generate_schemas()["incident"]["$defs"]["Incident"]["properties"])


def test_refused_topic_is_told_and_kept_while_others_pass_when_acl_denies_incidents(
    guarded: Mosquitto, listen: OpenListener, deliver: OpenOutbox, caplog: pytest.LogCaptureFixture
) -> None:
    guarded.start()
    listener = listen(guarded.port, username="dashboard", password="dashboard-secret")
    outbox = deliver(guarded.port, username="agent", password="agent-secret")
    with caplog.at_level(logging.ERROR):
        outbox.incident(incident(0))
        outbox.incident(incident(1))
        outbox.snapshot(snapshot())
        listener.until_topic("/snapshot")
        wait_for(lambda: "Not authorized" in caplog.text, "the refusal was silent")
    assert f"{ROOT}/camera/yard/incident" in caplog.text
    wait_for(lambda: outbox._spool.counts().waiting == 2, "refused messages must stay on disk")
    outbox.health(health())
    spool = json.loads(listener.until_topic("/health")[0].payload)["spool"]
    assert (spool["messages"], spool["blocked_topics"]) == (2, [f"{ROOT}/camera/yard/incident"])


def test_refused_messages_arrive_in_order_when_acl_is_mended(
    guarded: Mosquitto, tmp_path: Path, listen: OpenListener, deliver: OpenOutbox
) -> None:
    guarded.start()
    outbox = deliver(guarded.port, username="agent", password="agent-secret")
    for sequence in range(3):
        outbox.incident(incident(sequence))
    wait_for(lambda: outbox._courier.blocked_topics != (), "nothing was refused")
    (tmp_path / "acl").write_text(ACL.format(extra="topic write nexara/v1/school/gate/camera/+/incident"))
    guarded.stop()
    guarded.start()
    listener = listen(guarded.port, username="dashboard", password="dashboard-secret")
    heard = listener.until_topic("/incident", 3)
    assert sequences([one.payload for one in heard]) == [0, 1, 2]
    wait_for(lambda: outbox._courier.blocked_topics == (), "still blocked")
    wait_for(lambda: outbox.figures().courier.delivered == 3, "deliveries are not counted")
    figures = outbox.figures()
    assert (figures.connected, figures.courier.sessions, figures.spool.messages) == (True, 2, 0)
    assert figures.courier.refusals >= 1


def test_refused_messages_arrive_in_order_when_topic_has_rested_in_the_same_session(
    guarded: Mosquitto, tmp_path: Path, listen: OpenListener, deliver: OpenOutbox
) -> None:
    guarded.start()
    now = [0.0]
    listener = listen(guarded.port, username="dashboard", password="dashboard-secret")
    outbox = deliver(guarded.port, clock=lambda: now[0], username="agent", password="agent-secret")
    for sequence in range(3):
        outbox.incident(incident(sequence))
    wait_for(lambda: outbox._courier.blocked_topics != (), "nothing was refused")
    (tmp_path / "acl").write_text(ACL.format(extra="topic write nexara/v1/school/gate/camera/+/incident"))
    guarded.reload()
    outbox.incident(incident(3))
    outbox.snapshot(snapshot())
    listener.until_topic("/snapshot")
    wait_for(lambda: outbox._spool.counts().waiting == 4, "incidents must wait on disk, the snapshot must not")
    now[0] = BLOCKED_FOR_S + 1
    heard = listener.until_topic("/incident", 4)
    assert sequences([one.payload for one in heard]) == [0, 1, 2, 3]
    assert len(listener.until_topic("/status")) == 1


def test_password_is_neither_logged_nor_shown_when_it_is_wrong(
    guarded: Mosquitto, deliver: OpenOutbox, caplog: pytest.LogCaptureFixture
) -> None:
    guarded.start()
    with caplog.at_level(logging.DEBUG):
        deliver(guarded.port, username="agent", password="wrong-secret")
        wait_for(lambda: "Not authorized" in caplog.text, "the refusal was silent")
    assert "[mqtt] username and password" in caplog.text
    assert "wrong-secret" not in caplog.text


def test_packet_too_large_for_broker_is_buried_and_the_rest_arrives(
    tmp_path: Path, listen: OpenListener, deliver: OpenOutbox
) -> None:
    broker = Mosquitto(tmp_path, ("allow_anonymous true", "max_packet_size 2000")).start()
    try:
        listener = listen(broker.port)
        outbox = deliver(broker.port)
        outbox.snapshot(snapshot().__class__("yard", "i", "big", incident().at, b"\xff" * 5000))
        outbox.incident(incident())
        listener.until_topic("/incident")
        wait_for(lambda: outbox._spool.counts().waiting == 0, "something is stuck")
        assert outbox._spool.counts().refused == 1
    finally:
        broker.stop()


def start_agent(directory: Path, port: int, incidents: int) -> subprocess.Popen[bytes]:
    """Another process with an outbox, which lives until it is killed."""
    program = f"""
import sys, time
sys.path.insert(0, {str(Path.cwd())!r})
from pathlib import Path
from tests.edge_agent.delivery.samples import incident, make_outbox
outbox = make_outbox({port}, Path({str(directory)!r}))
outbox.start()
for sequence in range({incidents}):
    outbox.incident(incident(sequence))
while outbox._spool.counts().waiting < {incidents} and not outbox.connected:
    time.sleep(0.01)
print("spooled", flush=True)
time.sleep(60)
"""
    with (directory / "agent.out").open("wb") as output:
        return subprocess.Popen([sys.executable, "-c", program], stdout=output)

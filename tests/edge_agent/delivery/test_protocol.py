"""What of MQTT 5 is asked for, and what is left without it, against a real Mosquitto."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.edge_agent.delivery.conftest import OpenListener, OpenOutbox
from tests.edge_agent.delivery.listener import wait_for
from tests.edge_agent.delivery.mosquitto import Mosquitto
from tests.edge_agent.delivery.samples import JPEG, ROOT, incident, snapshot, state


def test_all_arrives_without_properties_where_mqtt_3_1_1_is_spoken(
    tmp_path: Path, listen: OpenListener, deliver: OpenOutbox
) -> None:
    broker = Mosquitto(tmp_path)
    outbox = deliver(broker.port, protocol="3.1.1", message_expiry_s=60)
    for sequence in range(20):
        outbox.incident(incident(sequence))
    outbox.snapshot(snapshot())
    outbox.camera_state(state())
    wait_for(lambda: outbox.figures().spool.messages == 21, "not on disk")
    broker.start()
    try:
        listener = listen(broker.port, mqtt_version=3)
        assert len(listener.until_topic("/incident", 20)) >= 20
        assert listener.until_topic("/snapshot")[0].payload == JPEG
        listener.until_topic("/state")
        # Mosquitto's way of saying 3.1.1.
        assert broker.has_logged("as nexara-school-gate (p2,")
        outbox.close()
        listener.until(lambda heard: any(b'"stopping"' in one.payload for one in heard))
    finally:
        broker.stop()


def test_messages_that_are_not_retained_expire_where_that_is_asked_for(broker: Mosquitto, deliver: OpenOutbox) -> None:
    command = shutil.which("mosquitto_sub")
    if command is None:
        pytest.skip("no mosquitto_sub here; install the Debian package mosquitto-clients")
    outbox = deliver(broker.port, message_expiry_s=86_400)
    wait_for(lambda: outbox.connected, "no session")
    arguments = ["-V", "5", "-p", str(broker.port), "-t", f"{ROOT}/#", "-C", "2", "-W", "20", "-F", "%E %t"]
    with subprocess.Popen([command, *arguments], stdout=subprocess.PIPE, text=True) as subscriber:
        wait_for(lambda: broker.has_logged(f"{ROOT}/# (QoS"), "mosquitto_sub did not subscribe")
        outbox.incident(incident())
        assert subscriber.stdout is not None
        seen = subscriber.stdout.read().split("\n")[:2]
    # A retained status never expires: whoever comes later has to learn of it.
    assert seen[0].strip() == f"{ROOT}/status"
    assert 86_000 < int(seen[1].split()[0]) <= 86_400

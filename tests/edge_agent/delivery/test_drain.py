"""In which order a backlog is delivered, against a real Mosquitto."""

from __future__ import annotations

import json
from pathlib import Path

from tests.edge_agent.delivery.conftest import OpenListener, OpenOutbox
from tests.edge_agent.delivery.listener import wait_for
from tests.edge_agent.delivery.mosquitto import Mosquitto
from tests.edge_agent.delivery.samples import incident


def test_the_newest_incident_arrives_first_when_that_is_asked_for(
    tmp_path: Path, listen: OpenListener, deliver: OpenOutbox
) -> None:
    broker = Mosquitto(tmp_path)
    outbox = deliver(broker.port, drain="newest")
    for number in range(20):
        for sequence in range(2):
            outbox.incident(incident(sequence, incident=f"i-{number}"))
    wait_for(lambda: outbox._spool.counts().waiting == 40, "not on disk")
    broker.start()
    try:
        listener = listen(broker.port)
        heard = [json.loads(one.payload)["id"] for one in listener.until_topic("/incident", 40)]
        assert heard == [f"i-{number}:{sequence}" for number in reversed(range(20)) for sequence in range(2)]
        wait_for(lambda: outbox._spool.counts().waiting == 0, "not removed after acknowledgement")
    finally:
        broker.stop()

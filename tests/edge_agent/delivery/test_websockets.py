"""MQTT over WebSockets, against a real Mosquitto."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.delivery.broker import Broker, TLSFiles
from edge_agent.delivery.connection import open_connection
from edge_agent.delivery.errors import BrokerUnreachableError
from edge_agent.events import Snapshot
from tests.edge_agent.delivery.conftest import OpenListener, OpenOutbox
from tests.edge_agent.delivery.listener import wait_for
from tests.edge_agent.delivery.mosquitto import Mosquitto, make_private_ca
from tests.edge_agent.delivery.samples import AT, JPEG, incident
from tests.ports import free_port


@pytest.fixture(params=["plain", "tls"])
def webbed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Mosquitto, int, TLSFiles | None]]:
    """A broker with a listener for WebSockets beside its plain one, that listener's port, and what TLS needs there."""
    port = free_port()
    lines = ["allow_anonymous true", f"listener {port} 127.0.0.1", "protocol websockets"]
    files = None
    if request.param == "tls":
        authority = make_private_ca(tmp_path)
        lines += authority.lines(require_certificate=True)
        files = TLSFiles(authority.ca, authority.client_certificate, authority.client_key)
    broker = Mosquitto(tmp_path, lines).start()
    yield broker, port, files
    broker.stop()


def test_all_arrives_over_websockets_and_again_when_the_broker_was_away(
    webbed: tuple[Mosquitto, int, TLSFiles | None], listen: OpenListener, deliver: OpenOutbox
) -> None:
    broker, port, files = webbed
    listener = listen(broker.port)
    outbox = deliver(port, transport="websockets", tls=files)
    # Above what one record of TLS and a frame's short forms of its length hold.
    pictures = [
        JPEG[:4] + bytes([number]) * size + JPEG[-2:] for number, size in enumerate((100, 1_000, 70_000, 200_000))
    ]
    for number, picture in enumerate(pictures):
        outbox.snapshot(Snapshot("yard", "i", f"s-{number}", AT, picture))
        outbox.incident(incident(number))
    assert [one.payload for one in listener.until_topic("/snapshot", 4)] == pictures
    wait_for(lambda: outbox.figures().spool.messages == 0, "not acknowledged")
    broker.stop()
    outbox.incident(incident(9))
    broker.start()
    wait_for(lambda: outbox.figures().spool.messages == 0, "not delivered after the broker was away")
    late = listen(broker.port)
    outbox.close()
    late.until(lambda heard: any(b'"stopping"' in one.payload for one in heard))


def test_the_path_is_asked_for_and_stands_in_the_address() -> None:
    broker = Broker("b", 80, "c", transport="websockets", path="/site/mqtt")
    assert broker.address == "ws://b:80/site/mqtt"
    assert Broker("b", 443, "c", transport="websockets", tls=TLSFiles()).address == "wss://b:443/mqtt"


def test_error_says_what_to_look_at_when_the_port_speaks_no_websockets(broker: Mosquitto) -> None:
    with pytest.raises(BrokerUnreachableError, match=r"check \[mqtt\] path, and that WebSockets are spoken") as caught:
        open_connection(Broker("127.0.0.1", broker.port, "c", transport="websockets", connect_timeout_s=2))
    assert f"broker ws://127.0.0.1:{broker.port}/mqtt: " in str(caught.value)

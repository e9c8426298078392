"""Several brokers: which is used, and when the first is come back to."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.delivery.broker import Broker
from edge_agent.delivery.brokers import Brokers
from edge_agent.delivery.connection import open_connection
from edge_agent.delivery.errors import BrokerUnreachableError
from edge_agent.delivery.message import Message
from edge_agent.delivery.opening import Delivery
from tests.edge_agent.delivery.conftest import OpenListener, OpenOutbox
from tests.edge_agent.delivery.listener import Listener, wait_for
from tests.edge_agent.delivery.mosquitto import Mosquitto
from tests.edge_agent.delivery.samples import incident, snapshot
from tests.ports import free_port

WILL = Message("will", b"gone")
CONNACK = b"\x20\x03\x00\x00\x00"
RETURN_AFTER_S = Delivery.__dataclass_fields__["return_after_s"].default


class Dropper:
    """A broker that accepts each session and drops it at once."""

    def __init__(self) -> None:
        self.sessions = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            with client:
                client.recv(1000)
                client.sendall(CONNACK)
            self.sessions += 1


@pytest.fixture
def dropper() -> Iterator[Dropper]:
    dropper = Dropper()
    yield dropper
    dropper.close()


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Mosquitto, Mosquitto]]:
    """Two brokers, both running."""
    made = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        made.append(Mosquitto(tmp_path / name).start())
    yield made[0], made[1]
    for broker in made:
        broker.stop()


def states(listener: Listener) -> list[str]:
    return [json.loads(one.payload)["state"] for one in listener.until_topic("/status")]


def sequences(listener: Listener, number: int) -> list[int]:
    return [json.loads(one.payload)["sequence"] for one in listener.until_topic("/incident", number)]


def test_the_next_broker_is_used_while_the_first_is_away_and_left_as_offline_once_it_is_back(
    two: tuple[Mosquitto, Mosquitto], listen: OpenListener, deliver: OpenOutbox
) -> None:
    first, second = two
    now = [0.0]
    at_second = listen(second.port)
    outbox = deliver(first.port, clock=lambda: now[0], fallbacks=[second.port])
    wait_for(lambda: outbox.connected, "no session with the first")
    first.kill()
    outbox.incident(incident(0))
    assert sequences(at_second, 1) == [0]
    first.start()
    at_first = listen(first.port)
    outbox.incident(incident(1))
    assert sequences(at_second, 2) == [0, 1]
    now[0] = RETURN_AFTER_S
    at_second.until(lambda heard: any(b'"offline"' in one.payload for one in heard))
    assert states(at_first) == ["online"]
    outbox.incident(incident(2))
    outbox.snapshot(snapshot())
    assert sequences(at_first, 1) == [2]
    at_first.until_topic("/snapshot")
    # Retained there, for whoever comes later: the device is no more with this broker.
    assert states(listen(second.port)) == ["offline"]
    assert len(at_second.until_topic("/incident")) == 2


def test_a_broker_that_drops_what_it_accepts_is_left_alone_until_it_has_rested(
    broker: Mosquitto, dropper: Dropper, listen: OpenListener, deliver: OpenOutbox
) -> None:
    now = [0.0]
    listener = listen(broker.port)
    outbox = deliver(dropper.port, clock=lambda: now[0], fallbacks=[broker.port])
    for sequence in range(4):
        outbox.incident(incident(sequence))
        assert sequences(listener, sequence + 1) == list(range(sequence + 1))
    assert dropper.sessions == 1
    now[0] = RETURN_AFTER_S
    # Tried beside the session, accepted, come back to, and left again.
    wait_for(lambda: dropper.sessions == 3, "the first was not tried again")
    outbox.incident(incident(4))
    listener.until(lambda heard: any(b'"sequence":4' in one.payload for one in heard))
    assert dropper.sessions == 3


def test_a_first_broker_that_stays_away_costs_the_session_with_the_next_nothing(
    broker: Mosquitto, listen: OpenListener, deliver: OpenOutbox, caplog: pytest.LogCaptureFixture
) -> None:
    now = [0.0]
    listener = listen(broker.port)
    with caplog.at_level("INFO"):
        outbox = deliver(free_port(), clock=lambda: now[0], fallbacks=[broker.port])
        wait_for(lambda: outbox.connected, "no session")

        def tried_often() -> bool:
            now[0] += RETURN_AFTER_S
            return caplog.text.count("staying with another broker") >= 2

        wait_for(tried_often, "not tried again")
    assert states(listener) == ["online"]
    assert outbox.figures().courier.sessions == 1


def test_every_attempt_is_told_when_no_broker_answers() -> None:
    ports = [free_port(), free_port()]
    brokers = Brokers(
        [Broker("127.0.0.1", port, "c") for port in ports], open_connection, lambda: 0.0, lambda: 0.5, 300
    )
    for _ in range(2):
        with pytest.raises(BrokerUnreachableError) as caught:
            brokers.open(WILL)
        assert [f"mqtt://127.0.0.1:{port}: " in str(caught.value) for port in ports] == [True, True]


def test_no_other_broker_is_asked_once_the_agent_is_stopping(deliver: OpenOutbox) -> None:
    silent = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    try:
        first, second = silent
        outbox = deliver(first.getsockname()[1], fallbacks=[second.getsockname()[1]], connect_timeout_s=0.5)
        client, _ = first.accept()
        outbox.close(flush_s=0)
        client.close()
        assert not outbox.healthy
        second.setblocking(False)
        with pytest.raises(BlockingIOError):
            second.accept()
    finally:
        for server in silent:
            server.close()


def test_a_session_that_waits_for_the_scout_hears_of_the_end(dropper: Dropper) -> None:
    now = [0.0]
    asked, release = threading.Event(), threading.Event()

    def connect(to: Broker, will: Message | None):  # noqa: ANN202 as open_connection
        if to.port == 1:
            if will is None:
                asked.set()
                assert release.wait(60)
            raise BrokerUnreachableError("away")
        return open_connection(to, will)

    places = [Broker("127.0.0.1", port, "agent") for port in (1, dropper.port)]
    brokers = Brokers(places, connect, lambda: now[0], lambda: 0.0, RETURN_AFTER_S)
    brokers.open(WILL).abandon()
    now[0] = RETURN_AFTER_S
    assert not brokers.earlier_answers()
    assert asked.wait(60)
    brokers.halt()
    with pytest.raises(BrokerUnreachableError, match="stopping"):
        brokers.open(WILL)
    release.set()


def test_one_that_rests_is_asked_after_those_that_do_not(broker: Mosquitto) -> None:
    now = [0.0]
    asked: list[int] = []
    away = free_port()

    def connect(to: Broker, will: Message | None):  # noqa: ANN202 as open_connection
        asked.append(to.port)
        return open_connection(to, will)

    order = [Broker("127.0.0.1", port, "c") for port in (away, broker.port)]
    brokers = Brokers(order, connect, lambda: now[0], lambda: 1.0, 100)
    for at, expected in ((0, [away, broker.port]), (99, [broker.port]), (100, [away, broker.port])):
        now[0] = at
        brokers.open(WILL).close()
        assert (asked, brokers.used.port) == (expected, broker.port)
        asked.clear()


def test_an_answer_of_the_first_that_is_older_than_its_silence_ends_no_session(
    two: tuple[Mosquitto, Mosquitto],
) -> None:
    now = [0.0]
    first, second = two
    places = [Broker("127.0.0.1", broker.port, "agent") for broker in two]
    brokers = Brokers(places, open_connection, lambda: now[0], lambda: 0.0, RETURN_AFTER_S)
    first.kill()
    brokers.open(WILL).close()
    first.start()
    now[0] = RETURN_AFTER_S
    assert not brokers.earlier_answers()
    scout = brokers._scout
    assert scout is not None
    scout.join()
    first.kill()
    # The session with the second was lost before anybody asked what the scout had found.
    brokers.open(WILL).close()
    assert brokers.used.port == second.port
    assert not brokers.earlier_answers()

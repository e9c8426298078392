"""Certificates of both sides that are wrong, against a real Mosquitto that wants the client's."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.backoff import Backoff
from edge_agent.delivery.broker import Broker, TLSFiles
from edge_agent.delivery.connection import open_connection
from edge_agent.delivery.errors import BrokerUnreachableError
from tests.edge_agent.delivery.conftest import OpenListener, OpenOutbox
from tests.edge_agent.delivery.listener import wait_for
from tests.edge_agent.delivery.mosquitto import Mosquitto, PrivateCA, make_private_ca
from tests.edge_agent.delivery.samples import incident
from tests.ports import free_port


@pytest.fixture
def authority(tmp_path: Path) -> PrivateCA:
    return make_private_ca(tmp_path)


def make_other(tmp_path: Path, name: str) -> tuple[Path, Path]:
    """A client's certificate and key of another authority of that name."""
    (tmp_path / name).mkdir()
    other = make_private_ca(tmp_path / name, name)
    return other.client_certificate, other.client_key


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ("missing", "the broker wants a client certificate; give [mqtt.tls] certificate and key"),
        ("expired", "the broker takes [mqtt.tls] certificate for expired; renew it, or set the clocks"),
        ("stranger", "the broker does not know who signed [mqtt.tls] certificate"),
        ("namesake", "[mqtt.tls] certificate is not signed by the authority that it names"),
        ("another's key", "expected PEM files that this user may read"),
    ],
)
def test_error_says_what_is_wrong_with_the_clients_certificate(
    tmp_path: Path, authority: PrivateCA, wrong: str, text: str
) -> None:
    broker = Mosquitto(tmp_path, ["allow_anonymous true", *authority.lines(require_certificate=True)]).start()
    expired = authority.issue("late", -3, -1)
    certificate, key = {
        "missing": (None, None),
        "expired": expired,
        "stranger": make_other(tmp_path, "stranger"),
        "namesake": make_other(tmp_path, "test authority"),
        "another's key": (authority.client_certificate, expired[1]),
    }[wrong]
    try:
        with pytest.raises(BrokerUnreachableError) as caught:
            open_connection(Broker("127.0.0.1", broker.port, "c", tls=TLSFiles(authority.ca, certificate, key)))
    finally:
        broker.stop()
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("days", "text"),
    [((-3, -1), "the broker's certificate has expired"), ((1, 3), "the broker's certificate is not valid yet")],
)
def test_error_speaks_of_the_clock_when_the_brokers_certificate_is_of_another_time(
    tmp_path: Path, authority: PrivateCA, days: tuple[int, int], text: str
) -> None:
    authority.issue("another", *days)
    broker = Mosquitto(tmp_path, ["allow_anonymous true", *authority.lines(name="another")]).start()
    try:
        with pytest.raises(BrokerUnreachableError, match=r"TLS failed: .*this device's clock is wrong") as caught:
            open_connection(Broker("127.0.0.1", broker.port, "c", tls=TLSFiles(authority.ca)))
    finally:
        broker.stop()
    assert text in str(caught.value)


def test_a_certificate_that_is_refused_is_tried_with_pauses_and_delivers_once_it_is_exchanged(
    tmp_path: Path,
    authority: PrivateCA,
    listen: OpenListener,
    deliver: OpenOutbox,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    next_delay = Backoff.next_delay

    def pause(backoff: Backoff) -> float:
        pauses.append(next_delay(backoff))
        return 0.01

    monkeypatch.setattr(Backoff, "next_delay", pause)
    secured = free_port()
    lines = ["allow_anonymous true", f"listener {secured} 127.0.0.1", *authority.lines(require_certificate=True)]
    broker = Mosquitto(tmp_path, lines).start()
    listener = listen(broker.port)
    certificate, key = authority.issue("late", -3, -1)
    try:
        outbox = deliver(secured, tls=TLSFiles(authority.ca, certificate, key))
        outbox.incident(incident())
        wait_for(lambda: len(pauses) >= 8, "not tried again")
        assert outbox.healthy
        # Without a pause there was no attempt, and the pauses grew; said was it once.
        assert pauses[7] > 16 * pauses[0]
        assert caplog.text.count("takes [mqtt.tls] certificate for expired") == 1
        authority.issue("late")
        listener.until_topic("/incident")
    finally:
        broker.stop()

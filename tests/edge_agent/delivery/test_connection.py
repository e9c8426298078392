"""Opening a session: what is said when it cannot be."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.delivery.broker import Broker, TLSFiles
from edge_agent.delivery.connection import open_connection
from edge_agent.delivery.errors import BrokerRefusedError, BrokerUnreachableError
from tests.edge_agent.delivery.mosquitto import Mosquitto, make_private_ca
from tests.ports import free_port


@pytest.fixture
def impostor(request: pytest.FixtureRequest) -> Iterator[int]:
    """The port of a server that answers a connection with the parameter's bytes and then stays silent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = threading.Event()

        def serve() -> None:
            client, _ = server.accept()
            with client:
                client.sendall(request.param)
                done.wait(20)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        done.set()
        thread.join()


@pytest.mark.parametrize(
    ("impostor", "text"),
    [
        (b"", "no answer to CONNECT within 0.5 s; is it an MQTT broker?"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "mqtt://127.0.0.1"),
        (b"\x20\x03\x00\x00\xff", "mqtt://127.0.0.1"),
        (b"\x20\xff\xff\xff\xff\xff", "mqtt://127.0.0.1"),
        (b"\x20\x02\x00\x00", "mqtt://127.0.0.1"),
        (b"\x40\x02\x00\x01", "mqtt://127.0.0.1"),
        (b"\x20\x05\x00\x77\x02\x21\x00", "mqtt://127.0.0.1"),
    ],
    indirect=["impostor"],
)
def test_error_is_told_when_what_answers_is_no_mqtt5_broker(impostor: int, text: str) -> None:
    with pytest.raises((BrokerUnreachableError, BrokerRefusedError), match="broker mqtt://127") as caught:
        open_connection(Broker("127.0.0.1", impostor, "c", connect_timeout_s=0.5))
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("host", "text"),
    [
        ("127.0.0.1", "Connection refused"),
        ("broker.invalid", "broker mqtt://broker.invalid:"),
        ("a..b", "mqtt://a..b:"),
    ],
)
def test_error_names_host_and_what_to_check_when_nobody_is_there(host: str, text: str) -> None:
    with pytest.raises(BrokerUnreachableError, match=r"check \[mqtt\] host and port") as caught:
        open_connection(Broker(host, free_port(), "c"))
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("ca", "host", "text"),
    [
        ("other", "127.0.0.1", "certificate verify failed"),
        ("own", "localhost", "certificate is not valid for 'localhost'"),
        ("missing", "127.0.0.1", "expected PEM files that this user may read"),
        ("rubbish", "127.0.0.1", "expected PEM files that this user may read"),
    ],
)
def test_error_says_what_is_wrong_with_tls(tmp_path: Path, ca: str, host: str, text: str) -> None:
    folders = {name: tmp_path / name for name in ("own", "other")}
    for folder in folders.values():
        folder.mkdir()
    own, other = (make_private_ca(folder) for folder in folders.values())
    (tmp_path / "rubbish").write_text("rubbish")
    files = {"own": own.ca, "other": other.ca, "missing": tmp_path / "no.pem", "rubbish": tmp_path / "rubbish"}
    lines = ["allow_anonymous true", f"certfile {own.server_certificate}", f"keyfile {own.server_key}"]
    broker = Mosquitto(tmp_path, lines).start()
    try:
        with pytest.raises(BrokerUnreachableError) as caught:
            open_connection(Broker(host, broker.port, "c", tls=TLSFiles(ca=files[ca])))
    finally:
        broker.stop()
    assert text in str(caught.value)


def test_error_is_told_when_broker_wants_tls_and_client_speaks_none(tmp_path: Path) -> None:
    own = make_private_ca(tmp_path)
    lines = ["allow_anonymous true", f"certfile {own.server_certificate}", f"keyfile {own.server_key}"]
    broker = Mosquitto(tmp_path, lines).start()
    try:
        with pytest.raises(BrokerUnreachableError, match="closed before it accepted"):
            open_connection(Broker("127.0.0.1", broker.port, "c"))
    finally:
        broker.stop()

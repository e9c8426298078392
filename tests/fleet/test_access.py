"""Where the broker is, from options, from a file, or from both."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from edge_agent.delivery.broker import TLSFiles
from fleet.access import Access, add_access_options, read_access
from fleet.command import main
from models.errors import NexaraError
from tests.edge_agent.delivery.mosquitto import Mosquitto, make_private_ca

FILE = """
[mqtt]
host = "broker.example.org"
username = "ana"
password = "file:{folder}/password"
[mqtt.tls]
ca = "ca.pem"
"""


def read(folder: Path, *options: str) -> Access:
    parser = argparse.ArgumentParser()
    add_access_options(parser)
    return read_access(parser.parse_args(options), {"XDG_CONFIG_HOME": str(folder)})


@pytest.fixture
def written(tmp_path: Path) -> Path:
    folder = tmp_path / "nexara"
    folder.mkdir()
    (folder / "fleet.toml").write_text(FILE.format(folder=tmp_path))
    (tmp_path / "password").write_text("of the file\n")
    (tmp_path / "other").write_text("of the option\n")
    return tmp_path


def test_the_file_says_where_the_broker_is(written: Path) -> None:
    access = read(written)
    broker = access.broker
    assert (broker.address, broker.username, broker.password) == (
        "mqtts://broker.example.org:8883", "ana", "of the file",
    )  # fmt: skip
    assert broker.tls == TLSFiles(written / "nexara" / "ca.pem")
    assert access.operator is None
    assert "of the file" not in repr(access)
    assert broker.client_id != read(written).broker.client_id


def test_options_come_before_the_file(written: Path) -> None:
    options = ("--broker", "mqtt://localhost:1884", "--username", "bob", "--password-file", str(written / "other"))
    broker = read(written, *options).broker
    assert (broker.address, broker.username, broker.password, broker.tls) == (
        "mqtt://localhost:1884", "bob", "of the option", None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ([], "no broker: give --broker"),
        (["--broker", "mqtts://ana:hush@host"], "found a user or a password inside it (not shown)"),
        (["--broker", "http://host"], "allowed is mqtt://host[:port]"),
        (["--broker", "mqtt://host:99999"], "Port out of range"),
        (["--broker", "mqtt://host/topic"], "allowed is mqtt://host[:port]"),
        (["--broker", "mqtt://host", "--password-file", "x"], "found a password without a username"),
        (["--broker", "mqtts://host", "--key", "x"], "found only one of certificate and key"),
        (["--broker", "mqtt://host", "--operator", "ana"], "found only one of the operator's name and key"),
        (["--config", "missing.toml"], "cannot be read"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_what_is_missing_or_wrong_is_told(tmp_path: Path, options: list[str], text: str) -> None:
    with pytest.raises(NexaraError) as caught:
        read(tmp_path, *options)
    assert text in str(caught.value)
    assert "hush" not in str(caught.value)


def test_a_short_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("short")
    with pytest.raises(NexaraError, match="found a key of 5 bytes; allowed are 16 or more"):
        read(tmp_path, "--broker", "mqtt://host", "--operator", "ana", "--operator-key", str(tmp_path / "key"))


def test_every_fault_of_the_file_is_told_with_its_line(written: Path) -> None:
    (written / "nexara" / "fleet.toml").write_text('[mqtt]\nhosts = "x"\npassword = "hush"\n')
    with pytest.raises(NexaraError) as caught:
        read(written)
    assert "fleet.toml:2: mqtt.hosts: " in str(caught.value)
    assert "fleet.toml:3: mqtt.password: found a value that is no reference (not shown)" in str(caught.value)


def test_a_broker_with_certificates_is_listened_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = make_private_ca(tmp_path)
    lines = (
        "allow_anonymous true", f"certfile {own.server_certificate}", f"keyfile {own.server_key}",
        f"cafile {own.ca}", "require_certificate true",
    )  # fmt: skip
    broker = Mosquitto(tmp_path, lines).start()
    files = ("--ca", str(own.ca), "--certificate", str(own.client_certificate), "--key", str(own.client_key))
    try:
        assert main(["list", "--wait", "0", "--broker", f"mqtts://127.0.0.1:{broker.port}", *files]) == 0
    finally:
        broker.stop()
    assert "0 device(s)" in capsys.readouterr().out

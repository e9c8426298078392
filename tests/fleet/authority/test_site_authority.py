"""A site's authority: what it issues is let in by a real Mosquitto, and what it withdraws is not."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509

from edge_agent.delivery.broker import Broker, TLSFiles
from edge_agent.delivery.connection import open_connection
from edge_agent.delivery.errors import BrokerError
from fleet.authority.certificate import AUTHORITY_LIFE
from fleet.authority.errors import AuthorityBusyError, AuthorityError
from fleet.authority.site_authority import SiteAuthority
from models.command_line import main
from tests.edge_agent.delivery.listener import wait_for
from tests.edge_agent.delivery.mosquitto import Mosquitto

NOW = datetime(2026, 3, 1, tzinfo=timezone.utc)


def found(directory: Path, now: datetime = NOW) -> SiteAuthority:
    return SiteAuthority.found(directory, "north-school", lambda: now)


def test_broker_lets_devices_in_by_certificate_names_them_by_it_and_refuses_one_that_was_revoked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All by the command, as an installer types it."""
    site = ["--site", "north-school", "--directory", str(tmp_path / "ca")]
    for words in (["init"], ["broker", "127.0.0.1", "broker.local"], ["device", "gate-1"], ["device", "gate-2"]):
        assert main(["fleet", "ca", *words, *site]) == 0
    broker = Mosquitto(
        tmp_path,
        (
            f"cafile {tmp_path}/ca/ca.pem",
            f"certfile {tmp_path}/ca/broker.pem",
            f"keyfile {tmp_path}/ca/broker.key",
            f"crlfile {tmp_path}/ca/crl.pem",
            "require_certificate true",
            "use_identity_as_username true",
        ),
    ).start()
    try:
        enter(broker.port, tmp_path / "ca", "gate-1")
        wait_for(lambda: broker.has_logged("u'gate-1'"), "not known by the certificate's name")
        with pytest.raises(BrokerError):
            enter(broker.port, tmp_path / "ca", None)
        assert main(["fleet", "ca", "revoke", "gate-1", *site]) == 0
        broker.stop()
        broker.start()
        with pytest.raises(BrokerError):
            enter(broker.port, tmp_path / "ca", "gate-1")
        enter(broker.port, tmp_path / "ca", "gate-2")
    finally:
        broker.stop()
    capsys.readouterr()
    assert main(["fleet", "ca", "list", *site]) == 0
    lines = [line.split()[:3] for line in capsys.readouterr().out.splitlines()]
    assert lines == [["broker", "127.0.0.1", "valid"], ["device", "gate-1", "revoked"], ["device", "gate-2", "valid"]]


def enter(port: int, directory: Path, device: str | None) -> None:
    """A session of a device, or of somebody without a certificate."""
    devices = directory / "devices"
    own = (None, None) if device is None else (devices / f"{device}.pem", devices / f"{device}.key")
    tls = TLSFiles(directory / "ca.pem", *own)
    connection = open_connection(Broker("127.0.0.1", port, f"test-{device}", tls=tls))
    connection.close()


def test_keys_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    authority = found(tmp_path / "ca")
    authority.device("gate-1")
    authority.broker(["broker.local"])
    modes = {path.relative_to(tmp_path).as_posix(): stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert {name for name, mode in modes.items() if mode & 0o077} == {
        "ca/ca.pem", "ca/crl.pem", "ca/broker.pem", "ca/devices/gate-1.pem"
    }  # fmt: skip
    assert modes["ca"] == 0o700


def test_device_keeps_its_certificate_until_it_is_revoked_or_has_expired(tmp_path: Path) -> None:
    authority = found(tmp_path)
    first = authority.device("gate-1")
    assert authority.device("gate-1") == first
    authority.revoke("gate-1")
    second = authority.device("gate-1")
    assert second != first
    later = SiteAuthority(tmp_path, lambda: NOW + timedelta(days=3651))
    assert [one.state for one in later.issued()] == ["expired"]
    assert later.device("gate-1") != second
    revoked = x509.load_pem_x509_crl(later.list_path.read_bytes())
    assert [one.serial_number for one in revoked] == [x509.load_pem_x509_certificate(first.certificate).serial_number]


def test_revocations_at_once_are_all_in_the_list(tmp_path: Path) -> None:
    """As by several people, and by a server that enrols meanwhile: each opens the authority for itself."""
    found(tmp_path)
    names = [f"gate-{number}" for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda name: SiteAuthority(tmp_path, lambda: NOW).device(name), names))
        list(pool.map(lambda name: SiteAuthority(tmp_path, lambda: NOW).revoke(name), names))
    revoked = {one.serial_number for one in x509.load_pem_x509_crl((tmp_path / "crl.pem").read_bytes())}
    assert revoked == {x509.load_pem_x509_certificate(one.certificate).serial_number for one in made}


def test_whoever_hangs_while_changing_it_is_named(tmp_path: Path) -> None:
    found(tmp_path).device("gate-1")
    holding = (
        "import sys\nfrom pathlib import Path\nfrom fleet.authority.lock import Lock\n"
        "with Lock(Path(sys.argv[1]), 0).held():\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", holding, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        hurried = SiteAuthority(tmp_path, lambda: NOW, patience_s=0)
        for change in (lambda: hurried.revoke("gate-1"), lambda: hurried.tokens.issue("gate-2"),
                       lambda: hurried.broker(["broker.local"]), lambda: hurried.device("gate-2")):  # fmt: skip
            with pytest.raises(AuthorityBusyError, match=f"process {process.pid} has been changing it for 0 s"):
                change()
        assert [one.state for one in hurried.issued()] == ["valid"]
        process.kill()
    hurried.revoke("gate-1")
    assert [one.state for one in hurried.issued()] == ["revoked"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_whose_folder_it_is_can_change_it_after_root_did(tmp_path: Path) -> None:
    os.chown(tmp_path, 1234, 1234)
    found(tmp_path)
    assert (tmp_path / "lock").stat().st_uid == 1234


def test_nothing_outlives_its_authority(tmp_path: Path) -> None:
    authority = found(tmp_path)
    end = NOW + AUTHORITY_LIFE
    late = SiteAuthority(tmp_path, lambda: end - timedelta(days=400))
    for credentials in (late.device("gate-1"), late.broker(["broker.local"])):
        assert x509.load_pem_x509_certificate(credentials.certificate).not_valid_after_utc == end
    revoked = x509.load_pem_x509_crl(authority.list_path.read_bytes())
    assert revoked.next_update_utc == end


def test_keys_are_not_shown(tmp_path: Path) -> None:
    assert "PRIVATE" not in repr(found(tmp_path).device("gate-1"))


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["device", "../gate"], "device: found '../gate'; allowed are 1 to 64 letters"),
        (["broker", "two words"], "found 'two words'; allowed are names and addresses"),
        (["revoke", "gate-9"], "no certificate of 'gate-9' here; there are those of gate-1"),
        (["init"], "an authority is there already"),
    ],
)
def test_command_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], text: str
) -> None:
    found(tmp_path).device("gate-1")
    assert main(["fleet", "ca", *words, "--site", "north-school", "--directory", str(tmp_path)]) == 2
    assert text in capsys.readouterr().err


def test_authority_that_is_not_there_or_damaged_is_told(tmp_path: Path) -> None:
    with pytest.raises(AuthorityError, match="make the site's authority with nexara fleet ca init"):
        SiteAuthority(tmp_path / "none", lambda: NOW)
    found(tmp_path / "one")
    found(tmp_path / "other")
    (tmp_path / "one" / "ca.key").write_bytes((tmp_path / "other" / "ca.key").read_bytes())
    with pytest.raises(AuthorityError, match=r"ca.key is not the key of ca.pem"):
        SiteAuthority(tmp_path / "one", lambda: NOW)

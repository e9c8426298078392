"""A device enrols with a real server over HTTPS, as it does at its first boot."""

from __future__ import annotations

import base64
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edge_agent.command_line import main
from edge_agent.enrolment.asking import ask_site
from edge_agent.enrolment.errors import EnrolmentError, SiteUnreachableError
from edge_agent.enrolment.message import EnrolAnswer, EnrolRequest
from fleet.authority.enrolment_server import EnrolmentServer
from fleet.authority.errors import AuthorityError
from fleet.authority.site_authority import SiteAuthority
from tests.ports import free_port

CONFIG = """
site = "north-school"
device = "{device}"
[bundle]
path = "violence.nexara"
[mqtt]
host = "broker.local"
[mqtt.tls]
ca = "{ca}"
certificate = "device.pem"
key = "credential:device.key"
[spool]
directory = "spool"
[[camera]]
id = "yard"
source = "scene:yard"
"""


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = datetime.now(timezone.utc)

    def __call__(self) -> datetime:
        return self.now


class Site:
    """An authority with its server, and devices that want to enrol."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        self.authority = SiteAuthority.found(folder / "ca", "north-school", self.clock)
        self.authority.server("enrol", ["127.0.0.1"])
        self.told: list[str] = []
        self.server = EnrolmentServer(("127.0.0.1", 0), folder / "ca" / "enrol.pem", self.authority, self.told.append)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server.port}"

    def device(self, name: str, token: str, place: str | None = None) -> Path:
        """The folder of a device as its kit left it."""
        folder = self.folder / (place or name)
        (folder / "credentials").mkdir(parents=True, exist_ok=True)
        (folder / "credentials" / "enrol.token").write_text(token)
        (folder / "edge.toml").write_text(CONFIG.format(device=name, ca=self.authority.certificate_path))
        return folder

    def revoked(self) -> set[int]:
        return {one.serial_number for one in x509.load_pem_x509_crl(self.authority.list_path.read_bytes())}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    thread = threading.Thread(target=site.server.serve)
    thread.start()
    yield site
    site.server.close()
    thread.join()


def enrol(folder: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder / "credentials"))
    return main(["enrol", "--config", str(folder / "edge.toml"), "--url", url])


def certificate(folder: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / "device.pem").read_bytes())


def test_device_gets_a_certificate_for_a_key_that_never_left_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    token = site.authority.tokens.issue("gate-1")
    device = site.device("gate-1", token)
    assert enrol(device, site.url, monkeypatch) == 0
    certificate(device).verify_directly_issued_by(
        x509.load_pem_x509_certificate(site.authority.certificate_path.read_bytes())
    )
    key = device / "credentials" / "device.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert [path.name for path in (device / "credentials").iterdir()] == ["device.key"]
    assert site.told == ["enrolled: gate-1"]
    kept = b"".join(path.read_bytes() for path in (site.folder / "ca").rglob("*") if path.is_file())
    assert token.encode() not in kept
    assert key.read_bytes() not in kept
    with pytest.raises(AuthorityError, match="gate-1 has made its own key"):
        site.authority.device("gate-1")


def test_device_that_missed_the_answer_asks_again_and_another_cannot(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = site.authority.tokens.issue("gate-1")
    device = site.device("gate-1", token)
    assert enrol(device, site.url, monkeypatch) == 0
    first = certificate(device)
    (device / "device.pem").unlink()
    assert enrol(site.device("gate-1", token), site.url, monkeypatch) == 0
    assert certificate(device) == first
    assert site.revoked() == set()
    thief = site.device("gate-1", token, "thief")
    assert enrol(thief, site.url, monkeypatch) == 2
    assert not (thief / "device.pem").exists()
    assert site.told[-1] == "refused: gate-1: its token was used already, by another key; make it a new kit"


def test_device_that_is_installed_anew_leaves_its_old_certificate_withdrawn(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = x509.load_pem_x509_certificate(site.authority.device("gate-1").certificate)
    device = site.device("gate-1", site.authority.tokens.issue("gate-1"))
    assert enrol(device, site.url, monkeypatch) == 0
    assert site.revoked() == {before.serial_number}
    assert [one.state for one in site.authority.issued()] == ["valid"]


def test_device_that_was_shut_out_does_not_come_back_by_its_token(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    token = site.authority.tokens.issue("gate-1")
    thief = site.device("gate-1", token)
    assert enrol(thief, site.url, monkeypatch) == 0
    site.authority.revoke("gate-1")
    assert enrol(site.device("gate-1", token), site.url, monkeypatch) == 2
    assert certificate(thief).serial_number in site.revoked()
    anew = site.device("gate-1", site.authority.tokens.issue("gate-1"), "anew")
    site.authority.revoke("gate-1")
    assert enrol(anew, site.url, monkeypatch) == 0
    assert certificate(anew).serial_number not in site.revoked()


@pytest.mark.parametrize("fault", ["wrong", "of another", "none", "expired"])
def test_token_that_is_not_good_is_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], fault: str
) -> None:
    token = (
        "guessed" if fault == "none" else site.authority.tokens.issue("gate-2" if fault == "of another" else "gate-1")
    )
    if fault == "expired":
        site.clock.now += timedelta(days=31)
    device = site.device("gate-1", "guessed" if fault == "wrong" else token)
    assert enrol(device, site.url, monkeypatch) == 2
    told = capfd.readouterr().err
    assert ("has expired" if fault == "expired" else "gate-1: not its token; make it a new kit") in told
    assert token not in told
    assert not (device / "device.pem").exists()


def test_device_enrols_for_a_fallback_alone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    device = site.device("gate-1", site.authority.tokens.issue("gate-1"))
    config = (device / "edge.toml").read_text()
    table = '[[mqtt.fallback]]\nhost = "other.local"\n[mqtt.fallback.tls]'
    (device / "edge.toml").write_text(config.replace("[mqtt.tls]", table))
    assert enrol(device, site.url, monkeypatch) == 0
    assert certificate(device)


def test_site_that_is_away_may_come_back(
    site: Site, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    device = site.device("gate-1", site.authority.tokens.issue("gate-1"))
    assert enrol(device, f"https://127.0.0.1:{free_port()}", monkeypatch) == 75
    assert "is nexara fleet enrol running there?" in capfd.readouterr().err
    assert enrol(device, site.url, monkeypatch) == 0


def test_device_believes_no_server_that_its_authority_does_not_vouch_for(site: Site, tmp_path: Path) -> None:
    other = SiteAuthority.found(tmp_path / "other", "south-school", site.clock)
    request = EnrolRequest(device="gate-1", token="secret", request="")
    with pytest.raises(SiteUnreachableError, match="certificate verify failed"):
        ask_site(site.url, other.certificate_path, request)
    for address in (site.url.replace("https", "http"), "https://site:0x1", "https://[::1"):
        with pytest.raises(EnrolmentError, match="allowed is https"):
            ask_site(address, other.certificate_path, request)
    assert "secret" not in repr(request)


def test_client_that_says_nothing_keeps_nobody_waiting(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_connection(("127.0.0.1", site.server.port)):
        device = site.device("gate-1", site.authority.tokens.issue("gate-1"))
        assert enrol(device, site.url, monkeypatch) == 0


def test_caller_that_speaks_no_tls_is_no_news(site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_connection(("127.0.0.1", site.server.port)) as caller:
        caller.sendall(b"GET / HTTP/1.0\r\n\r\n")
        with suppress(ConnectionResetError):
            while caller.recv(1024):
                pass
    site.server.close()
    assert "Traceback" not in capfd.readouterr().err


def test_request_that_is_damaged_is_answered_wherever_it_is(site: Site) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    whole = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    content = whole.public_bytes(serialization.Encoding.DER)
    for place in range(len(content)):
        damaged = content[:place] + bytes([content[place] ^ 9]) + content[place + 1 :]
        text = base64.encodebytes(damaged).decode()
        pem = f"-----BEGIN CERTIFICATE REQUEST-----\n{text}-----END CERTIFICATE REQUEST-----\n"
        request = EnrolRequest(device="gate-1", token="guessed", request=pem)
        assert site.server.answer(msgspec.json.encode(request)).error


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"device": "../x", "token": "a", "request": ""}',
                                     b'{"device": "a", "token": 1, "request": ""}'], ids=repr)  # fmt: skip
def test_request_that_is_none_is_answered_with_what_is_wrong(site: Site, content: bytes) -> None:
    answer = site.server.answer(content)
    assert isinstance(answer, EnrolAnswer)
    assert answer.certificate is None
    assert answer.error

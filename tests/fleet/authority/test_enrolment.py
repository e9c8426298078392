"""A device enrols with a real server over HTTPS, as it does at its first boot."""

from __future__ import annotations

import base64
import os
import socket
import ssl
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta, timezone
from http import HTTPStatus
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
from fleet.authority.lock import Lock
from fleet.authority.site_authority import SiteAuthority
from tests.edge_agent.delivery.listener import wait_for
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
    """An authority with its server, and devices that want to enrol. It waits for nobody else who changes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        SiteAuthority.found(folder / "ca", "north-school", self.clock)
        self.authority = SiteAuthority(folder / "ca", self.clock, patience_s=0)
        self.authority.server("enrol", ["127.0.0.1"])
        self.told: list[str] = []
        self.now_s = 0.0
        self.server = EnrolmentServer(
            ("127.0.0.1", 0), folder / "ca" / "enrol.pem", self.authority, self.told.append, lambda: self.now_s
        )

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server.port}"

    def call(self) -> ssl.SSLSocket:
        """A caller that has shaken hands and said nothing yet."""
        context = ssl.create_default_context(cafile=self.authority.certificate_path)
        caller = socket.create_connection(("127.0.0.1", self.server.port), timeout=30)
        return context.wrap_socket(caller, server_hostname="127.0.0.1")

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


@pytest.mark.parametrize(
    "said",
    [b"", b"POST /enrol HTTP/1.0\r\nX: ", b"POST /enrol HTTP/1.0\r\nContent-Length: 9\r\n\r\n{"],
    ids=["nothing", "half a head", "half a body"],
)
def test_caller_that_is_slow_is_hung_up_on_however_much_it_says(site: Site, said: bytes) -> None:
    # The one that shakes hands comes last: with it both were taken note of.
    with socket.create_connection(("127.0.0.1", site.server.port), timeout=30) as silent, site.call() as caller:
        caller.sendall(said)
        site.now_s = 20.0
        assert ended(caller)
        assert ended(silent)


def test_callers_that_hang_are_few_and_keep_nobody_else_out(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    before = threading.active_count()
    with ExitStack() as stack:
        callers = [stack.enter_context(site.call()) for _ in range(32)]
        for caller in callers:
            caller.sendall(b"POST /enrol HTTP/1.0\r\n")
        device = site.device("gate-1", site.authority.tokens.issue("gate-1"))
        site.now_s = 2.0
        assert enrol(device, site.url, monkeypatch) == 0
        assert ended(callers[0])
        wait_for(lambda: threading.active_count() <= before + 32, "more threads than there is room for callers")
        callers[1].sendall(b"\r\n")
        assert b" 400 " in callers[1].recv(1024)


def test_callers_that_all_come_at_once_wait_for_each_other(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    device = site.device("gate-1", site.authority.tokens.issue("gate-1"))
    with ExitStack() as stack:
        callers = [stack.enter_context(site.call()) for _ in range(32)]
        pool = stack.enter_context(ThreadPoolExecutor(1))
        enrolled = pool.submit(enrol, device, site.url, monkeypatch)
        for caller in callers:
            caller.sendall(b"POST /enrol HTTP/1.0\r\n\r\n")
            assert b" 400 " in caller.recv(1024)
        assert enrolled.result() == 0


def ended(caller: socket.socket) -> bool:
    """Whether the other side hangs up without a word; waits for it to say something."""
    try:
        return caller.recv(1024) == b""
    except (ConnectionError, ssl.SSLError):
        return True


def test_head_that_has_no_end_is_not_read(site: Site) -> None:
    with site.call() as caller:
        caller.sendall(b"POST /enrol HTTP/1.0\r\n")
        with suppress(OSError):
            for number in range(64):
                caller.sendall(b"X-%d: %s\r\n" % (number, b"x" * 1000))
        assert ended(caller)


@pytest.mark.parametrize(
    "length", [b"\xb2", b"9" * 5000, b"-1", b"16385", b"1_0"], ids=["two", "long", "negative", "large", "python"]
)
def test_length_that_is_none_is_refused(site: Site, length: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with site.call() as caller:
        caller.sendall(b"POST /enrol HTTP/1.0\r\nContent-Length: %s\r\n\r\n" % length)
        assert b" 400 " in caller.recv(1024)
    site.server.close()
    assert "Traceback" not in capfd.readouterr().err


def test_device_asks_again_where_somebody_else_changes_the_authority(
    site: Site, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    device = site.device("gate-1", site.authority.tokens.issue("gate-1"))
    with Lock(site.folder / "ca", 0).held():
        assert enrol(device, site.url, monkeypatch) == 75
    assert "the site is busy" in capfd.readouterr().err
    assert f"process {os.getpid()} has been changing it for 0 s" in site.told[0]
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
        assert site.server.answer(msgspec.json.encode(request))[1].error


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"device": "../x", "token": "a", "request": ""}',
                                     b'{"device": "a", "token": 1, "request": ""}'], ids=repr)  # fmt: skip
def test_request_that_is_none_is_answered_with_what_is_wrong(site: Site, content: bytes) -> None:
    status, answer = site.server.answer(content)
    assert status == HTTPStatus.FORBIDDEN
    assert isinstance(answer, EnrolAnswer)
    assert answer.certificate is None
    assert answer.error

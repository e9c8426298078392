"""A real Mosquitto for one test: its configuration, process and certificates."""

from __future__ import annotations

import datetime as dt
import ipaddress
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.ports import free_port


class Mosquitto:
    """One broker on a free loopback port that can be killed and started again."""

    def __init__(
        self, directory: Path, lines: Sequence[str] = ("allow_anonymous true",), port: int | None = None
    ) -> None:
        binary = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
        if binary is None:
            pytest.skip("no mosquitto here; install the Debian package mosquitto")
        self.binary = binary
        self.directory = directory
        self.port = port or free_port()
        self._ports = [self.port, *(int(line.split()[1]) for line in lines if line.startswith("listener "))]
        self.passwords = directory / "passwords"
        self.passwords.touch()
        self.config = directory / "mosquitto.conf"
        self.config.write_text("\n".join([f"listener {self.port} 127.0.0.1", "user root", *lines, ""]))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Mosquitto:
        log = (self.directory / "mosquitto.log").open("ab")
        self.process = subprocess.Popen([self.binary, "-c", str(self.config), "-v"], stdout=log, stderr=log)
        log.close()
        deadline = time.monotonic() + 10
        while not self._answers():
            assert time.monotonic() < deadline, (self.directory / "mosquitto.log").read_text()
            time.sleep(0.02)
        return self

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def reload(self) -> None:
        """Have the broker read its ACL again and wait until it has."""
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 10
        while not self.has_logged("Reloading config"):
            assert time.monotonic() < deadline, "the broker did not reload"
            time.sleep(0.02)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)

    def _answers(self) -> bool:
        for port in self._ports:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)):
                    return False
        return True

    def has_saved(self, text: str) -> bool:
        """Whether a text stands in the broker's own database on disk."""
        database = self.directory / "mosquitto.db"
        return database.exists() and text.encode() in database.read_bytes()

    def has_logged(self, text: str) -> bool:
        return text in (self.directory / "mosquitto.log").read_text()

    def add_password(self, username: str, password: str) -> None:
        subprocess.run(
            ["mosquitto_passwd", "-b", str(self.passwords), username, password], check=True, capture_output=True
        )


@dataclass(frozen=True)
class PrivateCA:
    """PEM files of an authority, a server certificate for 127.0.0.1, and a client certificate."""

    ca: Path
    server_certificate: Path
    server_key: Path
    client_certificate: Path
    client_key: Path
    authority: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def issue(self, name: str, first_day: int = 0, last_day: int = 1) -> tuple[Path, Path]:
        """Files of a further certificate for 127.0.0.1 and its key, valid from and until so many days from now."""
        return _issue(self.ca.parent, name, self.authority, self.key, (first_day, last_day))

    def lines(self, *, name: str = "server", require_certificate: bool = False) -> list[str]:
        """What a broker's configuration says to have TLS with the certificate of that name."""
        folder = self.ca.parent
        return [
            f"cafile {self.ca}",
            f"certfile {folder / name}.pem",
            f"keyfile {folder / name}.key",
            f"require_certificate {'true' if require_certificate else 'false'}",
        ]


def make_private_ca(directory: Path, name: str = "test authority") -> PrivateCA:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    authority = _certificate(subject, subject, key, key, x509.BasicConstraints(ca=True, path_length=0), (-10, 10))
    (directory / "ca.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    server, client = (_issue(directory, role, authority, key, (0, 1)) for role in ("server", "client"))
    return PrivateCA(directory / "ca.pem", *server, *client, authority, key)


def _issue(
    directory: Path, name: str, authority: x509.Certificate, key: ec.EllipticCurvePrivateKey, days: tuple[int, int]
) -> tuple[Path, Path]:
    own = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = _certificate(subject, authority.subject, own, key, address, days)
    files = directory / f"{name}.pem", directory / f"{name}.key"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    extension: x509.ExtensionType,
    days: tuple[int, int],
) -> x509.Certificate:
    now = dt.datetime.now(dt.timezone.utc)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now + dt.timedelta(days=days[0], hours=-1))
    builder = builder.not_valid_after(now + dt.timedelta(days=days[1]))
    builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return builder.sign(issuer_key, hashes.SHA256())

"""A site's authority on disk: its key and certificate, those it issued, and the list of those it withdrew.

    DIRECTORY/ca.pem, ca.key          the authority; its key never leaves this folder
    DIRECTORY/crl.pem                 those withdrawn, for the broker
    DIRECTORY/broker.pem, broker.key
    DIRECTORY/devices/NAME.pem, NAME.key   no key of those that made their own
    DIRECTORY/tokens/NAME.json        hashes of one-time tokens
    DIRECTORY/lock                    held by who changes any of it

The files are the only record: what was issued lies here, and what was withdrawn stands in the list.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from edge_agent.delivery.topics import NAME_PATTERN
from fleet.authority.certificate import common_name, issue_authority, issue_broker, issue_device, list_revoked
from fleet.authority.errors import AuthorityError
from fleet.authority.folder import make_folder, read_file, write_file
from fleet.authority.lock import Lock
from fleet.authority.tokens import Tokens
from models.errors import BundleSignatureError
from models.signing_key import load_private_key

_PEM = serialization.Encoding.PEM
PATIENCE_S = 10.0
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?|::1?")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A certificate and the key of whoever it names, as PEM; the key is kept out of ``repr``."""

    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        return "Credentials(...)"


@dataclass(frozen=True, slots=True)
class Issued:
    """One certificate of the site. ``until`` is UTC."""

    name: str
    role: Literal["device", "broker"]
    state: Literal["valid", "revoked", "expired"]
    until: datetime
    serial: int


class SiteAuthority:
    """The authority in ``directory``, which has to be there; ``now`` tells the time in UTC.

    Whatever changes it waits up to ``patience_s`` for others that do, and then raises ``AuthorityBusyError``.
    """

    def __init__(self, directory: Path, now: Callable[[], datetime], patience_s: float = PATIENCE_S) -> None:
        """Raises ``AuthorityError`` where there is none, or what is there is none."""
        self._directory = directory
        self._now = now
        self._lock = Lock(directory, patience_s)
        self._certificate = _read_certificate(self.certificate_path)
        self._key = _read_key(directory / "ca.key")
        if self._key.public_key() != self._certificate.public_key():
            raise AuthorityError(f"{directory}: ca.key is not the key of ca.pem; restore both from the same copy")

    @classmethod
    def found(cls, directory: Path, site: str, now: Callable[[], datetime]) -> SiteAuthority:
        """Make the authority of ``site`` in ``directory``, and an empty list of those withdrawn.

        Raises ``AuthorityError`` where there is one already: its devices would no longer be let in.
        """
        require_name(site, "site")
        make_folder(directory)
        with Lock(directory, PATIENCE_S).held():
            if (directory / "ca.key").exists():
                told = "an authority is there already; without it its devices are strangers"
                raise AuthorityError(f"{directory}: {told}")
            make_folder(directory / "devices")
            key = ec.generate_private_key(ec.SECP256R1())
            certificate = issue_authority(site, key, now())
            nobody = list_revoked({}, certificate, key, now())
            write_file(directory / "crl.pem", nobody.public_bytes(_PEM), 0o644)
            write_file(directory / "ca.pem", certificate.public_bytes(_PEM), 0o644)
            # The key last: with it the authority is there.
            write_file(directory / "ca.key", _key_pem(key), 0o600)
        return cls(directory, now)

    @property
    def certificate_path(self) -> Path:
        """What devices and broker know the authority by."""
        return self._directory / "ca.pem"

    @property
    def list_path(self) -> Path:
        """Those withdrawn, for the broker."""
        return self._directory / "crl.pem"

    def device(self, name: str) -> Credentials:
        """The certificate and key of a device: those that are there and good, or else new ones.

        Raises ``AuthorityError`` for a name that no device may have.
        """
        require_name(name, "device")
        path = self._directory / "devices" / f"{name}.pem"
        with self._lock.held():
            if path.exists() and self._state(_read_certificate(path)) == "valid":
                if not _key_path(path).exists():
                    raise AuthorityError(f"{name} has made its own key; make its kit with --enrol, or revoke it first")
                return Credentials(read_file(path), read_file(_key_path(path)))
            key = ec.generate_private_key(ec.SECP256R1())
            certificate = issue_device(name, key.public_key(), self._certificate, self._key, self._now())
            return self._keep(path, certificate, key)

    @property
    def tokens(self) -> Tokens:
        """By which devices that make their own key are known."""
        return Tokens(self._directory / "tokens", self._now, self._lock)

    def enrol(self, name: str, token: str, request: bytes) -> bytes:
        """Vouch for the key that signed a certificate request (PEM), if ``token`` is that of the device ``name``: its
        certificate, PEM. What the request says of a name counts for nothing, and an earlier certificate of the device
        is withdrawn.

        Raises ``AuthorityError`` for a token that is not good, and a request that is none.
        """
        require_name(name, "device")
        key = _requested_key(request)
        path = self._directory / "devices" / f"{name}.pem"
        with self._lock.held():
            self.tokens.use(name, token, _fingerprint(key))
            if path.exists():
                before = _read_certificate(path)
                if before.public_key() == key and self._state(before) == "valid":
                    return read_file(path)
                self._withdraw(before)
            certificate = issue_device(name, key, self._certificate, self._key, self._now()).public_bytes(_PEM)
            _key_path(path).unlink(missing_ok=True)
            write_file(path, certificate, 0o644)
            return certificate

    def broker(self, hosts: Sequence[str]) -> Credentials:
        """A new certificate and key of the broker; as ``server``."""
        return self.server("broker", hosts)

    def server(self, name: str, hosts: Sequence[str]) -> Credentials:
        """A new certificate and key, ``name.pem`` and ``name.key``, of a server that is reached by ``hosts``; raises
        ``AuthorityError`` for what is neither a host's name nor an address."""
        for host in hosts:
            if not _HOST.fullmatch(host):
                raise AuthorityError(
                    f"found {host!r}; allowed are names and addresses such as broker.local or 10.0.0.2"
                )
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = issue_broker(hosts, key.public_key(), self._certificate, self._key, self._now())
        with self._lock.held():
            return self._keep(self._directory / f"{name}.pem", certificate, key)

    def revoke(self, name: str) -> None:
        """Withdraw a device's certificate, for good, and the token that it was had by; raises ``AuthorityError`` where
        it has none."""
        require_name(name, "device")
        path = self._directory / "devices" / f"{name}.pem"
        with self._lock.held():
            if not path.exists():
                known = ", ".join(one.name for one in self.issued() if one.role == "device") or "none"
                raise AuthorityError(f"no certificate of {name!r} here; there are those of {known}")
            certificate = _read_certificate(path)
            self._withdraw(certificate)
            # With the same key it could be used again, and whoever is shut out has that key.
            self.tokens.forget(name, _fingerprint(certificate.public_key()))

    def issued(self) -> list[Issued]:
        """Every certificate here, the broker's first, then the devices' by name."""
        paths = [self._directory / "broker.pem", *sorted((self._directory / "devices").glob("*.pem"))]
        return [self._describe(path) for path in paths if path.exists()]

    def _keep(self, path: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Credentials:
        kept = Credentials(certificate.public_bytes(_PEM), _key_pem(key))
        # The certificate last: with it the pair is there.
        path.unlink(missing_ok=True)
        write_file(_key_path(path), kept.key, 0o600)
        write_file(path, kept.certificate, 0o644)
        return kept

    def _withdraw(self, certificate: x509.Certificate) -> None:
        revoked = self._revoked()
        revoked.setdefault(certificate.serial_number, self._now())
        written = list_revoked(revoked, self._certificate, self._key, self._now())
        write_file(self.list_path, written.public_bytes(_PEM), 0o644)

    def _describe(self, path: Path) -> Issued:
        certificate = _read_certificate(path)
        return Issued(
            name=common_name(certificate),
            role="broker" if path.name == "broker.pem" and path.parent == self._directory else "device",
            state=self._state(certificate),
            until=certificate.not_valid_after_utc,
            serial=certificate.serial_number,
        )

    def _state(self, certificate: x509.Certificate) -> Literal["valid", "revoked", "expired"]:
        if certificate.serial_number in self._revoked():
            return "revoked"
        return "valid" if self._now() < certificate.not_valid_after_utc else "expired"

    def _revoked(self) -> dict[int, datetime]:
        try:
            listed = x509.load_pem_x509_crl(read_file(self.list_path))
        except ValueError as error:
            raise AuthorityError(f"{self.list_path}: not a list of withdrawn certificates: {error}") from error
        return {one.serial_number: one.revocation_date_utc for one in listed}


def require_name(name: str, what: str) -> None:
    """Raise ``AuthorityError`` for a name that is no level of a topic."""
    if not re.fullmatch(NAME_PATTERN, name):
        raise AuthorityError(
            f"{what}: found {name!r}; allowed are 1 to 64 letters, digits, '_', '.' or '-', the first a letter or digit"
        )


def _requested_key(request: bytes) -> ec.EllipticCurvePublicKey:
    try:
        asked = x509.load_pem_x509_csr(request)
        key, own = asked.public_key(), asked.is_signature_valid
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise AuthorityError(f"not a certificate request (PEM): {error}") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise AuthorityError("a device's key must be EC on P-256")
    if not own:
        raise AuthorityError("the request was not signed by the key that it names")
    return key


def _fingerprint(key: CertificatePublicKeyTypes) -> str:
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki).hexdigest()


def _key_path(certificate: Path) -> Path:
    return certificate.with_name(certificate.name.removesuffix(".pem") + ".key")


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _read_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(read_file(path))
    except ValueError as error:
        raise AuthorityError(f"{path}: not a certificate (PEM): {error}") from error


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        return load_private_key(path)
    except BundleSignatureError as error:
        raise AuthorityError(str(error)) from error

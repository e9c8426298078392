"""Whose bundles are believed: a set of public keys, and the least that is accepted."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from models.errors import BundleSignatureError

Accept = Literal["trusted", "untrusted", "unsigned"]

REVOKED = "revoked.txt"

_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A P-256 public key and the name of the file it came from."""

    name: str
    public_key: ec.EllipticCurvePublicKey = field(repr=False)
    fingerprint: str


@dataclass(frozen=True, slots=True)
class TrustStore:
    """The keys that are trusted, and the least a bundle needs to be opened.

    ``accept`` is ``trusted`` on every device; ``untrusted`` (any signature) and ``unsigned`` are for development and
    must be asked for. The files' hashes are checked in every case. ``revoked`` maps digests of bundles and fingerprints
    of keys that were withdrawn to why; they are refused in every case.
    """

    keys: tuple[TrustedKey, ...] = ()
    accept: Accept = "trusted"
    revoked: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, paths: Iterable[Path] = (), *, accept: Accept = "trusted") -> TrustStore:
        """The keys shipped with the package, those in the user's key folder, and those at ``paths`` (PEM files or
        folders of them), and what a ``revoked.txt`` in any of the folders lists.

        Raises ``BundleSignatureError`` for a path that holds no usable key, or a list that cannot be read.
        """
        packaged = resources.files("models").joinpath("keys")
        shipped = tuple(
            read_key(entry.name, entry.read_bytes())
            for entry in sorted(packaged.iterdir(), key=lambda entry: entry.name)
            if entry.name.endswith(".pem")
        )
        folder = user_key_folder()
        given = [folder, *paths] if folder.is_dir() else list(paths)
        revoked = read_revoked(str(packaged / REVOKED), (packaged / REVOKED).read_bytes())
        for path in given:
            revoked |= _revoked_in(path)
        keys = (*shipped, *(key for path in given for key in _read_path(path)))
        return cls(keys, accept, revoked)

    def find(self, fingerprint: str) -> TrustedKey | None:
        """The trusted key of that fingerprint, if there is one."""
        return next((key for key in self.keys if key.fingerprint == fingerprint), None)


def read_revoked(name: str, content: bytes) -> dict[str, str]:
    """What a list of revocations says: on each line the SHA-256 of a bundle, or the fingerprint of a key, and why.

    Empty lines and those that begin with ``#`` say nothing. Raises ``BundleSignatureError`` for any other line, since a
    revocation that is overlooked is worse than a bundle that does not open.
    """
    revoked = {}
    for number, line in enumerate(content.decode(errors="replace").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        digest, _, reason = line.strip().partition(" ")
        if not _DIGEST.fullmatch(digest):
            raise BundleSignatureError(
                f"{name}, line {number}: begins with {digest[:70]!r}; a line is a SHA-256 in 64 small hex digits, a "
                "space and a reason"
            )
        revoked[digest] = reason.strip()
    return revoked


def user_key_folder() -> Path:
    """Where a user keeps the public keys they trust: ``$XDG_CONFIG_HOME/nexara/keys``, by default under
    ``~/.config``."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "nexara" / "keys"


def read_key(name: str, pem: bytes) -> TrustedKey:
    """A trusted key from PEM; raises ``BundleSignatureError`` for anything but a P-256 public key."""
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BundleSignatureError(f"{name}: not a PEM public key: {error}") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BundleSignatureError(f"{name}: a trusted key must be EC on P-256, and this one is not")
    # A PEM may be wrapped or commented differently; the fingerprint is taken from its one canonical form.
    canonical = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return TrustedKey(name=name, public_key=key, fingerprint=fingerprint(canonical))


def fingerprint(public_pem: bytes) -> str:
    """SHA-256 of a public key's canonical PEM, hex, as model-signing names keys."""
    return hashlib.sha256(public_pem).hexdigest()


def _read_path(path: Path) -> tuple[TrustedKey, ...]:
    if path.is_dir():
        return _read_folder(path)
    try:
        return (read_key(str(path), path.read_bytes()),)
    except OSError as error:
        raise BundleSignatureError(f"{path}: cannot read the trusted key: {error.strerror}") from error


def _revoked_in(path: Path) -> dict[str, str]:
    listed = path / REVOKED
    try:
        return read_revoked(str(listed), listed.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise BundleSignatureError(f"{listed}: cannot read what was revoked: {error.strerror}") from error


def _read_folder(folder: Path) -> tuple[TrustedKey, ...]:
    return tuple(read_key(str(path), path.read_bytes()) for path in sorted(folder.glob("*.pem")))

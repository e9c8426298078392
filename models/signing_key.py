"""The key that signs bundles: P-256, a PEM file, its private half readable by its owner alone."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from models.errors import BundleSignatureError


def generate_key(private: Path, public: Path, password: bytes | None = None) -> ec.EllipticCurvePrivateKey:
    """Make a P-256 key pair as two PEM files, the private one encrypted by the ``password`` if there is one.

    Raises ``BundleSignatureError`` when either file is there already (a lost signing key cannot be made again) or
    cannot be written.
    """
    for path in (private, public):
        if path.exists():
            raise BundleSignatureError(f"{path}: a key is there already; move it away or choose another name")
    key = ec.generate_private_key(ec.SECP256R1())
    protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    private_pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
    try:
        descriptor = os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(private_pem)
        public.write_bytes(public_pem(key.public_key()))
    except OSError as error:
        raise BundleSignatureError(f"{error.filename}: cannot write the key: {error.strerror}") from error
    return key


def load_private_key(path: Path, password: bytes | None = None) -> ec.EllipticCurvePrivateKey:
    """Read a P-256 private key from a PEM file; raises ``BundleSignatureError`` when it is anything else, or encrypted
    by another ``password``."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password)
    except OSError as error:
        raise BundleSignatureError(f"{path}: cannot read the signing key: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BundleSignatureError(f"{path}: not a PEM private key, or the password is wrong: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BundleSignatureError(f"{path}: the signing key must be EC on P-256; make one with nexara keygen")
    return key


def read_password(path: Path | None) -> bytes | None:
    """The first line of a file, or ``None`` without one.

    Raises ``BundleSignatureError`` for a file that cannot be read or begins with an empty line.
    """
    if path is None:
        return None
    try:
        password = path.read_bytes().split(b"\n", 1)[0].rstrip(b"\r")
    except OSError as error:
        raise BundleSignatureError(f"{path}: cannot read the password: {error.strerror}") from error
    if not password:
        raise BundleSignatureError(f"{path}: its first line is empty; it has to be the password")
    return password


def public_pem(key: ec.EllipticCurvePublicKey) -> bytes:
    """A public key as canonical PEM."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

"""The option that names a signing key, of the commands that make bundles."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from models.signing_key import generate_key, load_private_key, read_password
from models.trust import user_key_folder


def add_signing_key(parser: argparse.ArgumentParser) -> None:
    """Add ``--key`` and ``--password-file``."""
    parser.add_argument("--key", type=Path, help="private signing key (PEM, P-256); by default one of your own is made")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="its first line decrypts the key")


def signing_key(arguments: argparse.Namespace, say: Callable[[str], None]) -> ec.EllipticCurvePrivateKey:
    """The key that was named, or the user's own, which is made where there is none. Raises ``BundleSignatureError``."""
    if arguments.key is not None:
        return load_private_key(arguments.key, read_password(arguments.password_file))
    folder = user_key_folder()
    private = folder.parent / "signing-key.pem"
    if not private.exists():
        folder.mkdir(parents=True, exist_ok=True)
        generate_key(private, folder / "own.pem")
        say(f"made a signing key of your own: {private}; keep it secret")
    return load_private_key(private)

"""``nexara verify``: whether a bundle is what somebody trusted signed."""

from __future__ import annotations

import argparse
from pathlib import Path

from models.bundle import open_bundle
from models.signing import bundle_digest
from models.trust import TrustStore


def main(argv: list[str]) -> int:
    """Check a bundle's signature and every file in it."""
    parser = argparse.ArgumentParser(prog="nexara verify", description=main.__doc__)
    parser.add_argument("bundle", type=Path, help="bundle directory or .nexara file")
    parser.add_argument(
        "--key",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="public key (PEM), or a folder of them and of revoked.txt, to trust besides those shipped and your own",
    )
    arguments = parser.parse_args(argv)
    bundle = open_bundle(arguments.bundle, TrustStore.load(arguments.key))
    print(f"{bundle.manifest.name} {bundle.manifest.version}, {len(bundle.names)} files, all as they were signed")
    print(f"SHA-256  {bundle_digest(bundle.files)}")
    print(f"signer   {bundle.signature.key} ({bundle.signature.fingerprint})")
    return 0

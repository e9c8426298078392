"""``nexara sign``: vouch for a bundle, in the place of whoever did before."""

from __future__ import annotations

import argparse
from pathlib import Path

from models.archive import read_files, write_zip
from models.bundle import read_bundle, require_manifest
from models.errors import BundleError
from models.signing import SIGNATURE, SignatureStatus, bundle_digest, sign_files
from models.signing_key import load_private_key, public_pem, read_password
from models.trust import fingerprint
from models.whole_file import write_whole


def main(argv: list[str]) -> int:
    """Sign a bundle."""
    parser = argparse.ArgumentParser(prog="nexara sign", description=main.__doc__)
    parser.add_argument("bundle", type=Path, help="bundle directory or .nexara file; an earlier signature is replaced")
    parser.add_argument("--key", type=Path, required=True, help="private key (PEM, P-256), as nexara keygen makes it")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="its first line decrypts the key")
    arguments = parser.parse_args(argv)
    key = load_private_key(arguments.key, read_password(arguments.password_file))
    path: Path = arguments.bundle
    files = {name: content for name, content in read_files(path).items() if name != SIGNATURE}
    require_manifest(files, path)
    # Nobody should vouch for what no device could open.
    bundle = read_bundle(files, path, SignatureStatus("unsigned"))
    signature = sign_files(files, path.resolve().name, key)
    try:
        if path.is_dir():
            write_whole(path / SIGNATURE, signature)
        else:
            write_zip({**files, SIGNATURE: signature}, path)
    except OSError as error:
        raise BundleError(f"{path}: cannot write the signature: {error.strerror}") from error
    print(f"{bundle.manifest.name} {bundle.manifest.version}, {len(files)} files, SHA-256 {bundle_digest(files)}")
    print(f"signed by key {fingerprint(public_pem(key.public_key()))}")
    return 0

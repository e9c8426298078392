"""``nexara keygen``: a key pair to sign bundles with."""

from __future__ import annotations

import argparse
from pathlib import Path

from models.errors import BundleSignatureError
from models.signing_key import generate_key, public_pem, read_password
from models.trust import fingerprint, user_key_folder


def main(argv: list[str]) -> int:
    """Make a key pair to sign bundles with."""
    parser = argparse.ArgumentParser(prog="nexara keygen", description=main.__doc__)
    parser.add_argument("name", help="what the key is called: NAME.key is its private half, NAME.pem its public one")
    parser.add_argument(
        "--folder",
        type=Path,
        metavar="DIR",
        help="where both halves go; by default your own folder of keys, so that you trust what you sign",
    )
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="encrypt the private half by its first line")
    arguments = parser.parse_args(argv)
    if Path(arguments.name).name != arguments.name:
        raise BundleSignatureError(f"{arguments.name}: a key's name is a file's name; say where it goes by --folder")
    folder = arguments.folder or user_key_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise BundleSignatureError(f"{folder}: cannot make the folder: {error.strerror}") from error
    private, public = folder / f"{arguments.name}.key", folder / f"{arguments.name}.pem"
    key = generate_key(private, public, read_password(arguments.password_file))
    print(f"private  {private}  (sign with it; keep it secret, and a copy where no fire reaches both)")
    print(f"public   {public}  (give it to whoever is to trust your bundles)")
    print(f"fingerprint  {fingerprint(public_pem(key.public_key()))}")
    return 0

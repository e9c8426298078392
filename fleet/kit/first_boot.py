"""Fetches a kit and installs it, on a machine that starts for the first time: cloud-init runs this file alone.

Usage: ``first_boot.py ADDRESS SHA256``. Nothing but Python's own library is there.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

_TRIES = 10
_PAUSE_S = 15.0
_TIMEOUT_S = 60.0


def main(address: str, sha256: str) -> None:
    """Raises ``SystemExit`` with what is wrong, which cloud-init writes into its log."""
    # Not /tmp, which may be in memory.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        kit = Path(name, "kit.tar")
        _fetch(address, kit)
        with kit.open("rb") as stream:
            digest = hashlib.sha256()
            while block := stream.read(1 << 20):
                digest.update(block)
        if digest.hexdigest() != sha256:
            sys.exit(f"the kit has SHA-256 {digest.hexdigest()}; wanted is {sha256}: it is not installed")
        for command in (["tar", "-xf", str(kit), "-C", name], ["sh", f"{name}/nexara-kit/install.sh"]):
            if subprocess.run(command, check=False).returncode:
                sys.exit(f"{command[0]} failed; the kit is not installed")


def _fetch(address: str, kit: Path) -> None:
    """The network may come after this is begun; what answers with an error will not answer better later."""
    for _ in range(_TRIES):
        fault = _try(address, kit)
        if fault is None:
            return
        time.sleep(_PAUSE_S)
    sys.exit(f"the kit cannot be fetched: {fault}")


def _try(address: str, kit: Path) -> str | None:
    """Why it could not be fetched this time."""
    try:
        # Only addresses of https and of files are written into user data.
        with urllib.request.urlopen(address, timeout=_TIMEOUT_S) as source, kit.open("wb") as file:  # noqa: S310
            shutil.copyfileobj(source, file)
    except urllib.error.HTTPError as error:
        sys.exit(f"the kit cannot be fetched: {error.code} {error.reason}")
    except OSError as error:
        return str(error)
    return None


if __name__ == "__main__":
    main(*sys.argv[1:])

"""User data for cloud-init: a machine fetches its kit at its first boot, checks its hash, and installs it.

The kit itself is a thousand times larger than user data may be.
"""

from __future__ import annotations

import json
from importlib import resources
from urllib.parse import urlsplit

from fleet.kit.errors import KitError

_MOST_BYTES = 16_384
_PLACE = "/run/nexara-first-boot.py"


def write_user_data(address: str, sha256: str) -> str:
    """The ``#cloud-config`` that has the kit at ``address`` installed if it has this SHA-256, hex.

    Raises ``KitError`` for an address that is neither of https nor a file's on the machine, and where it gets longer
    than clouds take.
    """
    parts = urlsplit(address)
    if parts.scheme not in {"https", "file"} or (parts.scheme == "https" and not parts.hostname):
        raise KitError("--kit-url: allowed is https://host/path, or file:///path for a kit that lies on the machine")
    script = resources.files("fleet.kit").joinpath("first_boot.py").read_text(encoding="utf-8")
    # JSON is YAML too, and leaves nothing to quote by hand.
    file = {"path": _PLACE, "permissions": "0700", "content": script}
    command = ["python3", _PLACE, address, sha256]
    text = f"#cloud-config\nwrite_files:\n  - {json.dumps(file)}\nruncmd:\n  - {json.dumps(command)}\n"
    if len(text.encode()) > _MOST_BYTES:
        raise KitError(f"user data: {len(text)} bytes; allowed are {_MOST_BYTES}; give a shorter --kit-url")
    return text

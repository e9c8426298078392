"""A source's address: its scheme and the rest, and how it looks where it may be read by anyone."""

from __future__ import annotations

import re
from pathlib import Path

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(.*)", re.DOTALL)
# The last @ ends the credentials: a password may hold any character, and hiding too much harms nobody.
_CREDENTIALS = re.compile(r"(?<=://).*@", re.DOTALL)
_PATHS = frozenset({"", "file", "folder"})
_SECRET_FIELD = re.compile(r"(?i)([?&](?:[a-z_]*(?:pass|pwd|token|secret|key|auth|user|login|sig)[a-z_]*)=)[^&#]*")


def split_address(uri: str) -> tuple[str, str]:
    """``(scheme, rest)``, the scheme in lower case and empty for a plain path."""
    match = _SCHEME.fullmatch(uri)
    return (match[1].lower(), match[2]) if match else ("", uri)


def anchor(uri: str, folder: Path) -> str:
    """The address with a relative path made to start at ``folder``; any other stays as it is."""
    scheme, rest = split_address(uri)
    if scheme not in _PATHS or rest.startswith("//"):
        return uri
    return f"{scheme}:{folder / rest}" if scheme else str(folder / rest)


def redact(uri: str) -> str:
    """The address without its credentials: user, password and the query fields that look like secrets."""
    return _SECRET_FIELD.sub(r"\1***", _CREDENTIALS.sub("***@", uri, count=1))

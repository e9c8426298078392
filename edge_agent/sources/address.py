"""A source's address: its scheme and the rest, and how it looks where it may be read by anyone."""

from __future__ import annotations

import re
from pathlib import Path

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(.*)", re.DOTALL)
# The last @ ends the credentials: a password may hold any character, and hiding too much harms nobody.
_CREDENTIALS = re.compile(r"(?<=://).*@", re.DOTALL)
_WITHIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://[^\s\"']+")
_PASSWORD_PROPERTY = re.compile(r"(?i)(?:^|\s)[a-z-]*(?:pw|passwd|password)\s*=")
_PATHS = frozenset({"", "file", "folder"})
_TELLING = "(?:pass|pwd|pw|token|secret|key|auth|user|login|sig)"
_SECRET_FIELD = re.compile(rf"(?i)([?&](?:[a-z_]*{_TELLING}[a-z_]*)=)[^&#]*")
# Of a GStreamer pipeline's element: user-id=viewer user-pw="two words"
_SECRET_PROPERTY = re.compile(rf"(?i)((?:^|\s)[a-z_-]*{_TELLING}[a-z_-]*\s*=\s*)(?:\"[^\"]*\"|\S+)")


def split_address(uri: str) -> tuple[str, str]:
    """``(scheme, rest)``, the scheme in lower case and empty for a plain path."""
    match = _SCHEME.fullmatch(uri)
    return (match[1].lower(), match[2]) if match else ("", uri)


def find_network_address(uri: str) -> str:
    """The part of a source's address in which a user and a password stand: for a GStreamer pipeline the first address
    in it, else all of it."""
    scheme, rest = split_address(uri)
    if scheme != "gstreamer":
        return uri
    found = _WITHIN.search(rest)
    return found[0] if found else ""


def names_password(uri: str) -> bool:
    """Whether a GStreamer pipeline gives a password as the property of an element."""
    scheme, rest = split_address(uri)
    return scheme == "gstreamer" and _PASSWORD_PROPERTY.search(rest) is not None


def anchor(uri: str, folder: Path) -> str:
    """The address with a relative path made to start at ``folder``; any other stays as it is."""
    scheme, rest = split_address(uri)
    if scheme not in _PATHS or rest.startswith("//"):
        return uri
    return f"{scheme}:{folder / rest}" if scheme else str(folder / rest)


def redact(uri: str) -> str:
    """The address without its credentials: user, password and the query fields and properties that look like
    secrets."""
    shown = _SECRET_FIELD.sub(r"\1***", _CREDENTIALS.sub("***@", uri, count=1))
    return _SECRET_PROPERTY.sub(r"\1***", shown)

"""Which version of the code this is."""

from __future__ import annotations

from importlib import metadata


def read_version() -> str:
    """The installed distribution's version; ``uninstalled`` when run from a checkout that was never installed."""
    try:
        return metadata.version("nexaravision")
    except metadata.PackageNotFoundError:
        return "uninstalled"

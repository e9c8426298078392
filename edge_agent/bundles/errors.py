"""What can go wrong with the bundles that a device keeps."""

from __future__ import annotations

from pathlib import Path

from models.errors import NexaraError


class ShelfError(NexaraError):
    """Base of the errors of the shelf: it cannot be read or written, or not what was asked for."""


class ShelfDiskError(ShelfError):
    """The disk does not play along; it may later."""


class ShelfBusyError(ShelfError):
    """Somebody else fetches or installs a bundle now."""


class DownloadError(ShelfError):
    """A bundle cannot be fetched, or what came is not it."""


class RefusedBundleError(ShelfError):
    """This very bundle was on trial before, and was left."""


def disk_error(path: Path, error: OSError) -> ShelfDiskError:
    """What the disk said of ``path``."""
    return ShelfDiskError(f"{path}: {error.strerror or error}; needed: a folder that can be written, with space in it")


class TrialFailedError(ShelfError):
    """The bundle on trial was left while the agent ran; its next start has the one before."""

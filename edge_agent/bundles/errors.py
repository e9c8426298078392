"""What can go wrong with the bundles that a device keeps."""

from __future__ import annotations

from pathlib import Path

from edge_agent.delivery.payloads import DesiredName
from models.errors import NexaraError


class ShelfError(NexaraError):
    """Base of the errors of the shelf: it cannot be read or written, or not what was asked for."""


class ShelfDiskError(ShelfError):
    """The disk does not play along; it may later."""


class ShelfBusyError(ShelfError):
    """Somebody else fetches or installs a bundle now."""


class FetchEndedError(ShelfError):
    """Fetching was given up, since the agent ends or another bundle is desired meanwhile."""


class DownloadError(ShelfError):
    """A bundle cannot be fetched, or what came is not it."""


class RefusedBundleError(ShelfError):
    """This very bundle was on trial before, and was left."""


class RefusedDesireError(ShelfError):
    """What is said to be desired is not taken: it is malformed, not signed as it must be, or older than the last.
    ``desired`` names it, where it could be read."""

    def __init__(self, text: str, desired: DesiredName | None = None) -> None:
        super().__init__(text)
        self.desired = desired


def disk_error(path: Path, error: OSError) -> ShelfDiskError:
    """What the disk said of ``path``."""
    return ShelfDiskError(f"{path}: {error.strerror or error}; needed: a folder that can be written, with space in it")


class TrialFailedError(ShelfError):
    """The bundle on trial was left while the agent ran; its next start has the one before."""

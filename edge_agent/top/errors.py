"""What can keep ``top`` from showing anything."""

from __future__ import annotations

from models.errors import NexaraError


class TopError(NexaraError):
    """The metrics of an agent cannot be read or shown."""

"""What can go wrong when a wall is looked at."""

from __future__ import annotations

from models.errors import NexaraError


class GridFindingError(NexaraError):
    """A layout cannot be looked for, or what was found cannot be written."""

"""What can be wrong with what finds heads."""

from __future__ import annotations

from models.errors import NexaraError


class DetectorError(NexaraError):
    """What finds heads is not there, or is not what it should be."""

"""What can keep the tools of a fleet from their work."""

from __future__ import annotations

from models.errors import NexaraError


class FleetError(NexaraError):
    """What was asked of the fleet's tools cannot be done; the message says why, and what to do."""

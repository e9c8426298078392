"""What can be wrong with a kit."""

from __future__ import annotations

from models.errors import NexaraError


class KitError(NexaraError):
    """A kit cannot be made of what was given."""

"""What can keep the demo from running."""

from __future__ import annotations

from models.errors import NexaraError


class DemoError(NexaraError):
    """The demo cannot run; the message says why and what to do."""

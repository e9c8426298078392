"""What can keep a trace from being taken."""

from __future__ import annotations

from models.errors import NexaraError


class TraceError(NexaraError):
    """There is nothing to trace, or nothing came."""

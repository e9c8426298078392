"""What can go wrong with a clip; none of it disturbs watching."""

from __future__ import annotations

from models.errors import NexaraError


class ClipError(NexaraError):
    """A clip cannot be written."""


class StreamFormError(ClipError):
    """A stream cannot be copied into an MP4 file."""

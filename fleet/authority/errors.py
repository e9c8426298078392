"""What can be wrong with a site's authority."""

from __future__ import annotations

from models.errors import NexaraError


class AuthorityError(NexaraError):
    """A certificate, or the list of those withdrawn, cannot be read, made or kept."""

"""What can be wrong with a site's authority."""

from __future__ import annotations

from models.errors import NexaraError


class AuthorityError(NexaraError):
    """A certificate, or the list of those withdrawn, cannot be read, made or kept."""


class AuthorityBusyError(AuthorityError):
    """Somebody else goes on changing the authority, which may be over soon."""

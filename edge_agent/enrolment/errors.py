"""Why a device was not enrolled."""

from __future__ import annotations

from models.errors import NexaraError


class EnrolmentError(NexaraError):
    """The device cannot be enrolled as it is."""


class SiteUnreachableError(NexaraError):
    """The site does not answer, which may pass by itself."""

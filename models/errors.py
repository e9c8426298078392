"""The one base of every error this project raises on purpose, and the errors of the bundle contract.

Each message says what was found, what is allowed and what to do next.
"""

from __future__ import annotations


class NexaraError(Exception):
    """Base of all errors that a command line reports as one clear line and a non-zero exit."""


class BundleError(NexaraError):
    """A bundle cannot be used."""


class BundleFormatError(BundleError):
    """A bundle's files or manifest do not have the form that this version reads."""


class BundleVersionError(BundleFormatError):
    """A bundle was written in a newer major format than this version reads."""


class BundleIntegrityError(BundleError):
    """A file of a bundle is missing, added or differs from what was signed."""


class BundleRevokedError(BundleError):
    """A bundle, or the key that signed it, was withdrawn."""


class BundleSignatureError(BundleError):
    """A bundle's signature is absent, malformed or made by a key that is not trusted."""

"""The contract: what a bundle is.

Manifest, preprocessing, windows, labels, signing and the store live here, and nothing that trains, decodes video,
opens an engine or talks to a network. Everything else in the house may import this room; it imports none of them.
"""

from __future__ import annotations

from models.bundle import Bundle, Golden, open_bundle, pack
from models.errors import BundleError, NexaraError
from models.manifest import Manifest
from models.trust import TrustStore

__all__ = ["Bundle", "BundleError", "Golden", "Manifest", "NexaraError", "TrustStore", "open_bundle", "pack"]

"""The bundle that judges now."""

from __future__ import annotations

from edge_agent.delivery.payloads import BundleFile, BundleName
from models.bundle import Bundle


class BundleInUse:
    """Read from any thread, and exchanged whole by one."""

    def __init__(self, bundle: Bundle, digest: str | None) -> None:
        """``digest`` is the SHA-256 of the bundle's file; ``None``: it is a folder."""
        self._present = (bundle, digest)

    @property
    def bundle(self) -> Bundle:
        return self._present[0]

    @property
    def name(self) -> BundleName:
        """What messages call it."""
        manifest = self.bundle.manifest
        return BundleName(name=manifest.name, version=manifest.version)

    @property
    def file(self) -> BundleFile:
        """What is told of it."""
        bundle, digest = self._present
        return BundleFile(name=bundle.manifest.name, version=bundle.manifest.version, sha256=digest)

    def use(self, bundle: Bundle, digest: str | None) -> None:
        """This one judges from now on."""
        self._present = (bundle, digest)

"""Which bundle the demo shows."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import models
from edge_agent.demo.errors import DemoError
from models.bundle import MANIFEST, Bundle, open_bundle
from models.trust import TrustStore

_SUFFIX = ".nexara"


def choose_bundle(given: Path | None, trust: TrustStore) -> Bundle:
    """The bundle at ``given``, or else the newest of those that ship; raises ``BundleError`` or ``DemoError``."""
    if given is not None:
        return open_bundle(given, trust)
    released = Path(str(resources.files(models))) / "released"
    found = [path for path in released.glob("*") if path.suffix == _SUFFIX or (path / MANIFEST).is_file()]
    if not found:
        raise DemoError(f"no bundle in {released}; name one with --bundle, or build one: nexara build --help")
    return max((open_bundle(path, trust) for path in found), key=lambda bundle: bundle.manifest.created)

"""What a release is made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from builder.report.data import ReportData
from models.bundle import Golden
from models.errors import NexaraError
from models.manifest import Artifact


class ReleaseError(NexaraError):
    """A bundle cannot be released as it is."""


@dataclass(frozen=True, slots=True)
class ReleaseInputs:
    """All that goes into a bundle.

    ``artifacts`` lie under ``compiled`` as they name themselves, encoder and head of each target, without latency and
    accuracy: latency is measured here, accuracy is that of the subject of the target's name in ``report`` on the clips
    that ``shipped_fold`` held out (``None``: on all). ``report`` carries no target facts yet. ``golden`` is for
    everyone to read: make it of scene clips, never of a data set whose licence does not allow that. ``size_limit`` is the most
    bytes that the packed bundle may have.
    """

    report: ReportData
    compiled: Path
    artifacts: tuple[Artifact, ...]
    golden: Golden
    key: ec.EllipticCurvePrivateKey
    shipped_fold: int | None = None
    size_limit: int | None = None

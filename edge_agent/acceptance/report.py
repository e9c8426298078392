"""What is told of a device when it is handed over."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.acceptance.camera_pictures import CameraPicture
from edge_agent.doctor import Finding


@dataclass(frozen=True, slots=True)
class Report:
    """``facts`` are pairs of what and how; ``at`` is when it was looked at, for a person."""

    site: str
    device: str
    at: str
    facts: tuple[tuple[str, str], ...]
    findings: tuple[Finding, ...]
    pictures: tuple[CameraPicture, ...]

    @property
    def faults(self) -> list[str]:
        """What keeps the device from being accepted: what failed, and cameras of which nothing can be shown."""
        failed = [finding.name for finding in self.findings if finding.outcome == "failed"]
        unseen = [f"camera {picture.id}" for picture in self.pictures if picture.jpeg is None]
        return [*failed, *(name for name in unseen if name not in failed)]

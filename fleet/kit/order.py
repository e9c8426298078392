"""What a kit is asked to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fleet.authority.site_authority import SiteAuthority
from fleet.kit.configuration import Configuration
from fleet.kit.device_kind import DeviceKind
from fleet.kit.target import Target
from fleet.kit.wheel import Wheel
from models.bundle import Bundle


@dataclass(frozen=True, slots=True)
class Order:
    """One device's kit. ``interpreter`` is where its Python is; ``secrets`` are kept out of ``repr``; ``keys`` are the
    PEM files of those whose bundles it is to trust, by name; ``authority`` is there where the configuration wants what
    it issues. With ``enrol_url`` the device makes its own key and has it vouched for there."""

    target: Target
    kind: DeviceKind
    configuration: Configuration
    bundle: Bundle
    wheels: tuple[Wheel, ...]
    interpreter: str
    checkout: Path
    drop_ins: tuple[str, ...] = ()
    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    keys: Mapping[str, bytes] = field(default_factory=dict)
    detector: Path | None = None
    authority: SiteAuthority | None = None
    enrol_url: str | None = None

    @property
    def brings_key(self) -> bool:
        """Whether the device's key and certificate are in the kit."""
        return self.configuration.wants_certificate and self.enrol_url is None

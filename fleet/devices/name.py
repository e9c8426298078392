"""What a device is called across all sites."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge_agent.delivery.topics import NAME_PATTERN, ROOT, Topics
from fleet.errors import FleetError

_NAME = re.compile(NAME_PATTERN)
_SITE_LEVEL = ROOT.count("/") + 1
_FEWEST_LEVELS = _SITE_LEVEL + 3


@dataclass(frozen=True, slots=True, order=True)
class DeviceName:
    """A device of a site.

    >>> str(DeviceName("north-school", "gate-1"))
    'north-school/gate-1'
    """

    site: str
    device: str

    def __str__(self) -> str:
        return f"{self.site}/{self.device}"

    @property
    def topics(self) -> Topics:
        return Topics(self.site, self.device)


def parse_name(text: str, site: str | None) -> DeviceName:
    """A name as somebody types it, ``site/device`` or, with ``site``, the device alone; raises ``FleetError``."""
    named, _, device = text.rpartition("/")
    found = named or site
    if found is None:
        raise FleetError(f"found the device {text!r} without its site; write site/device, or give --site")
    if not _NAME.match(found) or not _NAME.match(device):
        raise FleetError(f"found the device {text!r}; allowed is site/device, as `nexara fleet list` shows them")
    if site is not None and found != site:
        raise FleetError(f"found the device {text!r} beside --site {site}; it belongs to another site")
    return DeviceName(found, device)


def split_topic(topic: str) -> tuple[DeviceName, tuple[str, ...]] | None:
    """Whose topic it is, and its levels below the device; ``None`` for one that is no device's."""
    levels = topic.split("/")
    if len(levels) < _FEWEST_LEVELS or not topic.startswith(f"{ROOT}/"):
        return None
    site, device, *rest = levels[_SITE_LEVEL:]
    if not _NAME.match(site) or not _NAME.match(device):
        return None
    return DeviceName(site, device), tuple(rest)

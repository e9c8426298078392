"""Which bundle a device is to have, and how far it is with that: two retained topics of each device."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from edge_agent.commands.message import CommandId
from edge_agent.delivery.timestamp import Timestamp
from edge_agent.delivery.topics import Topics

Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$", description="of the bundle's file")]


class DesiredBundle(msgspec.Struct, frozen=True, kw_only=True):
    """``desired/bundle``: what an operator wants. ``again``: also one that was on trial before and was left."""

    id: CommandId
    issued_at: Annotated[datetime, msgspec.Meta(tz=True)]
    url: Annotated[str, msgspec.Meta(pattern=r"^https://", max_length=2048)]
    sha256: Sha256
    again: bool = False


class BundleFile(msgspec.Struct, frozen=True, kw_only=True):
    """The bundle that judges; ``sha256`` is that of the file it came from, where that is known."""

    name: str
    version: str
    sha256: str | None = None


class DesiredName(msgspec.Struct, frozen=True, kw_only=True):
    """Which wish the device has in hand."""

    id: str
    sha256: str


UpdateState = Literal["settled", "fetching", "verifying", "trial", "kept", "left", "refused", "failed"]


class BundleStatus(msgspec.Struct, frozen=True, kw_only=True):
    """``bundle``: what the device made of it."""

    at: Timestamp
    current: BundleFile
    trial: bool
    desired: DesiredName | None
    state: UpdateState
    progress: float | None = None
    reason: str = ""


def desired_topic(topics: Topics) -> str:
    """Where a device is told which bundle to have."""
    return f"{topics.root}/desired/bundle"


def bundle_topic(topics: Topics) -> str:
    """Where a device tells what it made of it."""
    return f"{topics.root}/bundle"

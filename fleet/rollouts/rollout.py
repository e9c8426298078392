"""A roll-out as data: what is wanted, by which rules, and how far each device is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from edge_agent.commands.message import CommandId
from edge_agent.delivery.payloads import DesiredBundle, FileAddress, Sha256
from fleet.devices.name import DeviceName

Phase = Literal["running", "ending", "done", "stopped", "reverting", "reverted"]
"""``ending`` and ``reverting`` last until all that is owed to devices was sent."""
Outcome = Literal[
    "waiting", "asked", "succeeded", "failed", "skipped", "withdrawn", "untouched", "abandoned", "reverted"
]
"""``waiting`` and ``asked`` are on the way; all others are ends. ``abandoned`` was asked when the roll-out stopped and
may still do it; ``withdrawn`` was asked, and told that it need not; ``untouched`` was never asked."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The bundle that devices are to have."""

    url: FileAddress
    sha256: Sha256
    again: bool = False


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """``percents`` of the devices that each stage ends at, the last 100. ``most_failures`` may fail, a number or, with
    ``failures_are_percent``, a share of those asked so far. ``soak_s`` passes after each stage, and a device has
    ``patience_s`` to come to an end, or to come back."""

    percents: Annotated[tuple[int, ...], msgspec.Meta(min_length=1)] = (5, 25, 100)
    most_failures: float = 0.0
    failures_are_percent: bool = False
    soak_s: float = 1800.0
    patience_s: float = 3600.0
    at_once: int = 100
    withdraw: bool = True


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One device of a roll-out. ``before`` is what was desired of it when it was asked; ``owed`` says that it has yet
    to be told to go back to that."""

    site: str
    device: str
    stage: int
    outcome: Outcome = "waiting"
    asked_at: datetime | None = None
    before: DesiredBundle | None = None
    owed: bool = False
    reason: str = ""

    @property
    def name(self) -> DeviceName:
        return DeviceName(self.site, self.device)


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of it. ``soaking_since`` is when the last device of the current stage came to its end."""

    id: CommandId
    wanted: Wanted
    rules: Rules
    started_at: datetime
    members: tuple[Member, ...]
    phase: Phase = "running"
    stage: int = 0
    soaking_since: datetime | None = None
    ended_at: datetime | None = None
    reason: str = ""

    @property
    def stages(self) -> int:
        """How many there are; numbers of stages count from 0."""
        return max((member.stage for member in self.members), default=-1) + 1

    def desire(self, member: Member) -> DesiredBundle:
        """What a member that was asked is sent; the same however often."""
        return DesiredBundle(
            id=self.id,
            issued_at=member.asked_at or self.started_at,
            url=self.wanted.url,
            sha256=self.wanted.sha256,
            again=self.wanted.again,
        )

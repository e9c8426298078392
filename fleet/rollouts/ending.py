"""How a roll-out ends before its time, or is taken back: who is told what. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from edge_agent.delivery.payloads import DesiredBundle
from fleet.devices.name import DeviceName
from fleet.errors import FleetError
from fleet.rollouts.rollout import Member, Rollout
from fleet.rollouts.verdict import UNSEEN, Sight

_BACK = ".back"
NOT_OURS = "another bundle is desired of it since; left alone"
KEEPS = "nothing was desired of it before, so it keeps what it has; `nexara fleet command rollback` has it go back"


def end(rollout: Rollout, reason: str, now: datetime) -> Rollout:
    """Stop: nobody further is asked. With ``withdraw`` those that failed or are at it are to be told to go back; those
    that succeeded are not touched."""
    withdraws = rollout.rules.withdraw
    members = tuple(_stop(member, withdraws=withdraws) for member in rollout.members)
    return replace(rollout, members=members, phase="ending", ended_at=now, reason=reason)


def revert(rollout: Rollout, now: datetime) -> Rollout:
    """Have every device that was asked go back to what was desired of it before, those that succeeded too; raises
    ``FleetError`` for one that is under way."""
    if rollout.phase in {"running", "ending"}:
        raise FleetError("the roll-out is under way; stop it first: nexara fleet rollout stop")
    members = tuple(map(_take_back, rollout.members))
    return replace(rollout, members=members, phase="reverting", ended_at=now)


def list_owed(rollout: Rollout, sights: Mapping[DeviceName, Sight]) -> list[tuple[Member, DesiredBundle | None]]:
    """Who has yet to be told to go back, and to what; ``None`` is for nothing. Whoever has a later wish of somebody
    else in hand is left alone."""
    owed = (member for member in rollout.members if member.owed)
    return [(member, _go_back(rollout, member)) for member in owed if _may_be_sent(rollout, member, sights)]


def is_ours(rollout: Rollout, sight: Sight) -> bool:
    """Whether what is desired of a device now is what this roll-out asked of it."""
    return sight.desired is not None and sight.desired.id == rollout.id


def settle(rollout: Rollout, sights: Mapping[DeviceName, Sight]) -> Rollout:
    """All that ``list_owed`` lists for the same ``sights`` has been sent."""
    members = tuple(
        replace(member, owed=False, reason=member.reason if _may_be_sent(rollout, member, sights) else NOT_OURS)
        if member.owed
        else member
        for member in rollout.members
    )
    phase = "reverted" if rollout.phase == "reverting" else "stopped"
    return replace(rollout, members=members, phase=phase)


def _may_be_sent(rollout: Rollout, member: Member, sights: Mapping[DeviceName, Sight]) -> bool:
    """Whether what is desired now is ours, or still what was before us: the broker may not have passed ours on yet."""
    desired = sights.get(member.name, UNSEEN).desired
    before = None if member.before is None else member.before.id
    return (None if desired is None else desired.id) in {rollout.id, f"{rollout.id}{_BACK}", before}


def _take_back(member: Member) -> Member:
    if member.asked_at is None or member.outcome not in {"succeeded", "failed", "abandoned"}:
        return member
    reason = KEEPS if member.before is None and member.outcome == "succeeded" else member.reason
    return replace(member, outcome="reverted", owed=True, reason=reason)


def _stop(member: Member, *, withdraws: bool) -> Member:
    if member.outcome == "waiting":
        return replace(member, outcome="untouched")
    if member.outcome == "asked":
        return replace(member, outcome="withdrawn" if withdraws else "abandoned", owed=withdraws)
    if member.outcome == "failed" and member.asked_at is not None:
        return replace(member, owed=withdraws)
    return member


def _go_back(rollout: Rollout, member: Member) -> DesiredBundle | None:
    if member.before is None:
        return None
    # Issued anew: a device takes no wish that is older than the last it took.
    return replace(member.before, id=f"{rollout.id}{_BACK}", issued_at=rollout.ended_at or rollout.started_at)

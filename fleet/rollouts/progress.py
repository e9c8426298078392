"""How a roll-out goes on: the next value of one, from what is seen and what time it is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import cast

from msgspec.structs import replace

from fleet.devices.name import DeviceName
from fleet.rollouts.ending import end
from fleet.rollouts.rollout import Member, Outcome, Rollout
from fleet.rollouts.verdict import DEAF, UNSEEN, Sight, find_hindrance, is_deaf, judge_asked, judge_succeeded

Sights = Mapping[DeviceName, Sight]


def advance(rollout: Rollout, sights: Sights, now: datetime) -> Rollout:
    """What becomes of a roll-out now. Whoever is ``asked`` in it and was not before is to be sent the bundle once this
    value is kept."""
    if rollout.phase != "running":
        return rollout
    members = tuple(_judge(rollout, member, sights.get(member.name, UNSEEN), now) for member in rollout.members)
    rollout = replace(rollout, members=members)
    failures, allowed = count(rollout, "failed"), allowed_failures(rollout)
    if failures > allowed:
        return end(rollout, f"{failures} device(s) failed; allowed are {allowed}", now)
    rollout = _ask(rollout, sights, now)
    if any(member.outcome in {"waiting", "asked"} for member in _stage(rollout)):
        return replace(rollout, soaking_since=None)
    return _soak(rollout, sights, now)


def count(rollout: Rollout, *outcomes: Outcome) -> int:
    """How many devices are so."""
    return sum(member.outcome in outcomes for member in rollout.members)


def allowed_failures(rollout: Rollout) -> int:
    """How many devices may have failed by now."""
    rules = rollout.rules
    if not rules.failures_are_percent:
        return int(rules.most_failures)
    # Of all devices, five percent could be the whole first stage.
    asked = sum(member.asked_at is not None for member in rollout.members)
    return int(rules.most_failures * asked / 100)


def _stage(rollout: Rollout) -> list[Member]:
    return [member for member in rollout.members if member.stage == rollout.stage]


def _judge(rollout: Rollout, member: Member, sight: Sight, now: datetime) -> Member:
    if member.outcome == "asked":
        verdict = judge_asked(rollout, member, sight, now)
        if verdict is not None:
            return replace(member, outcome=cast("Outcome", verdict[0]), reason=verdict[1])
        return replace(member, reason=find_hindrance(rollout, sight.bundle))
    if member.outcome == "succeeded":
        fault = judge_succeeded(rollout, member, sight)
        if fault is not None:
            return replace(member, outcome="failed", reason=fault)
    return member


def _ask(rollout: Rollout, sights: Sights, now: datetime) -> Rollout:
    """Ask those of the stage that wait and are there, as many as may be at it together; pass over those that are
    away or would not hear it."""
    free = rollout.rules.at_once - count(rollout, "asked")
    members: list[Member] = []
    for member in rollout.members:
        sight = sights.get(member.name, UNSEEN)
        if member.outcome != "waiting" or member.stage != rollout.stage:
            members.append(member)
        elif not sight.online:
            members.append(replace(member, outcome="skipped", reason="away when its stage came"))
        elif is_deaf(sight.bundle):
            members.append(replace(member, outcome="skipped", reason=DEAF))
        elif free > 0:
            free -= 1
            # What is still desired of an earlier attempt of this very roll-out is nothing to go back to.
            before = sight.desired if sight.desired is None or sight.desired.id != rollout.id else None
            members.append(replace(member, outcome="asked", asked_at=now, before=before))
        else:
            members.append(member)
    return replace(rollout, members=tuple(members))


def _soak(rollout: Rollout, sights: Sights, now: datetime) -> Rollout:
    """All of the stage have come to an end: wait a while, and go on if it still looks well."""
    succeeded = [member for member in _stage(rollout) if member.outcome == "succeeded"]
    last = rollout.stage >= rollout.stages - 1
    # Of the last stage others may have proved it already.
    if not succeeded and not (last and count(rollout, "succeeded")):
        return end(rollout, f"no device of stage {rollout.stage + 1} has the bundle, so it is not proved", now)
    since = rollout.soaking_since or now
    rollout = replace(rollout, soaking_since=since)
    soaked = now - since >= timedelta(seconds=rollout.rules.soak_s if succeeded else 0)
    if not soaked or not all(sights.get(member.name, UNSEEN).online for member in succeeded):
        return rollout
    if last:
        return replace(rollout, phase="done", ended_at=now)
    return replace(rollout, stage=rollout.stage + 1, soaking_since=None)

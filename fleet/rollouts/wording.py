"""What a person is told of a roll-out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from edge_agent.bundles.download import redact_query
from fleet.rollouts.rollout import Rollout
from fleet.table import plain, table_text


def changes(before: Rollout, after: Rollout) -> Iterator[str]:
    """A line for whatever is new."""
    earlier = {member.name: (member.outcome, member.reason) for member in before.members}
    for member in after.members:
        outcome, reason = earlier.get(member.name, ("", ""))
        if member.outcome == "failed" and outcome != "failed":
            yield f"{member.name} failed: {plain(member.reason)}"
        if member.outcome == "skipped" and outcome != "skipped":
            yield f"{member.name} is passed over: {plain(member.reason)}"
        if member.outcome == "asked" and member.reason and member.reason != reason:
            yield f"{member.name} does not have it yet: {plain(member.reason)}; it tries again"
    if tally(after) != tally(before) or after.stage != before.stage:
        yield f"stage {after.stage + 1} of {after.stages}: {tally(after)}"
    if after.soaking_since is not None and before.soaking_since is None and after.phase == "running":
        yield f"stage {after.stage + 1} of {after.stages} has come to its end; watching it for {_minutes(after)}"
    if after.phase != before.phase:
        yield headline(after)


def passed_over(rollout: Rollout) -> Iterator[str]:
    """A line for each device that is not asked."""
    skipped = (member for member in rollout.members if member.outcome == "skipped")
    return (f"{member.name} is passed over: {plain(member.reason)}" for member in skipped)


def report(rollout: Rollout) -> Iterator[str]:
    """The whole of it."""
    rows = [
        (str(member.name), str(member.stage + 1), member.outcome, _at(member.asked_at), plain(member.reason))
        for member in rollout.members
    ]
    yield from table_text(("device", "stage", "outcome", "asked", "why"), rows)
    yield ""
    address = plain(redact_query(rollout.wanted.url))
    yield f"{rollout.wanted.sha256[:12]} from {address}, begun {_at(rollout.started_at)}"
    yield f"stage {rollout.stage + 1} of {rollout.stages}: {tally(rollout)}"
    yield headline(rollout)


def headline(rollout: Rollout) -> str:
    """How it stands, in one line."""
    return f"roll-out {rollout.id} is {rollout.phase}" + (f": {plain(rollout.reason)}" if rollout.reason else "")


def tally(rollout: Rollout) -> str:
    """How many devices are how."""
    counts = Counter(member.outcome for member in rollout.members)
    return ", ".join(f"{number} {outcome}" for outcome, number in sorted(counts.items()))


def _minutes(rollout: Rollout) -> str:
    return f"{rollout.rules.soak_s / 60:g} min"


def _at(at: datetime | None) -> str:
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M:%S}Z"

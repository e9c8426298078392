"""What a device's own words mean for a roll-out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from edge_agent.delivery.payloads import BundleStatus, DesiredBundle
from fleet.devices.trouble import ENDED_BADLY
from fleet.rollouts.rollout import Member, Rollout, Wanted

_AT_REST = ("settled", "kept")


@dataclass(frozen=True, slots=True)
class Sight:
    """A device as it is seen now. ``away_s`` is for how long it has been seen not to be online."""

    online: bool
    away_s: float = 0.0
    bundle: BundleStatus | None = None
    desired: DesiredBundle | None = None


UNSEEN = Sight(online=False)


def has_bundle(wanted: Wanted, bundle: BundleStatus | None) -> bool:
    """Whether a device says that it uses the bundle for good."""
    return bundle is not None and bundle.state in _AT_REST and bundle.current.sha256 == wanted.sha256


def find_fault(rollout: Rollout, bundle: BundleStatus | None) -> str | None:
    """Why a device will not have this roll-out's bundle, by its own words; what it says of other wishes counts not."""
    if bundle is None or bundle.desired is None or bundle.desired.id != rollout.id:
        return None
    if bundle.state in ENDED_BADLY:
        return f"{bundle.state}: {bundle.reason}" if bundle.reason else bundle.state
    return None


def judge_asked(rollout: Rollout, member: Member, sight: Sight, now: datetime) -> tuple[str, str] | None:
    """``succeeded`` or ``failed`` and why, of a device that was asked; ``None`` while that is open."""
    if has_bundle(rollout.wanted, sight.bundle):
        return "succeeded", ""
    fault = find_fault(rollout, sight.bundle)
    if fault is not None:
        return "failed", fault
    if member.asked_at is not None and now - member.asked_at >= timedelta(seconds=rollout.rules.patience_s):
        last = "away" if not sight.online else "it says nothing" if sight.bundle is None else sight.bundle.state
        return "failed", f"came to no end within {rollout.rules.patience_s / 60:g} min; last: {last}"
    return None


def judge_succeeded(rollout: Rollout, member: Member, sight: Sight) -> str | None:
    """Why a device that had succeeded counts as failed after all; ``None``: it does not. Only the stage that is being
    proved must stay online: somebody may pull a plug hours later."""
    fault = find_fault(rollout, sight.bundle)
    if fault is not None:
        return f"after it had been kept, {fault}"
    if member.stage == rollout.stage and not sight.online and sight.away_s >= rollout.rules.patience_s:
        return f"went away and did not come back within {rollout.rules.patience_s / 60:g} min"
    return None

"""What a device's own words mean for a roll-out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeGuard

from edge_agent.delivery.payloads import BundleStatus, DesiredBundle
from fleet.rollouts.rollout import Member, Rollout, Wanted

_AT_REST = ("settled", "kept")
# One that "failed" tries again by itself, and may come to have the bundle yet.
_ENDED_BADLY = ("left", "refused")
DEAF = "it does not hear what is desired of it; it needs [updates] with desired = true, and MQTT 5"


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


def is_deaf(bundle: BundleStatus | None) -> bool:
    """Whether a device says that it does not hear what is desired; an older agent says neither."""
    return bundle is not None and bundle.listens is False


def find_fault(rollout: Rollout, bundle: BundleStatus | None) -> str | None:
    """Why a device will not have this roll-out's bundle, by its own words."""
    return _said(bundle) if _is_about(bundle, rollout) and bundle.state in _ENDED_BADLY else None


def find_hindrance(rollout: Rollout, bundle: BundleStatus | None) -> str:
    """Why a device does not have this roll-out's bundle yet, though it goes on trying; empty where it does not say."""
    return _said(bundle) if _is_about(bundle, rollout) and bundle.state == "failed" else ""


def judge_asked(rollout: Rollout, member: Member, sight: Sight, now: datetime) -> tuple[str, str] | None:
    """``succeeded`` or ``failed`` and why, of a device that was asked; ``None`` while that is open."""
    if has_bundle(rollout.wanted, sight.bundle):
        return "succeeded", ""
    fault = find_fault(rollout, sight.bundle)
    if fault is not None:
        return "failed", fault
    if is_deaf(sight.bundle):
        return "failed", DEAF
    if member.asked_at is not None and now - member.asked_at >= timedelta(seconds=rollout.rules.patience_s):
        last = "away" if not sight.online else "it says nothing" if sight.bundle is None else _said(sight.bundle)
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


def _is_about(bundle: BundleStatus | None, rollout: Rollout) -> TypeGuard[BundleStatus]:
    """What a device says of other wishes counts not."""
    return bundle is not None and bundle.desired is not None and bundle.desired.id == rollout.id


def _said(bundle: BundleStatus) -> str:
    return f"{bundle.state}: {bundle.reason}" if bundle.reason else bundle.state

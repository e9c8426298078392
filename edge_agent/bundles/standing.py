"""What is desired of a device, and how far it has come with that; pure, written to disk as one file."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from edge_agent.bundles.record import Record, current
from edge_agent.delivery.payloads import DesiredBundle, DesiredName, UpdateState

_NEXT_START = "it passed its self-test; the agent's next start has it"


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Why the desired bundle is not there. What ``failed`` is tried again, what was ``refused`` is not."""

    state: Literal["refused", "failed"]
    reason: str


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """``newest`` is when the last desire that was taken had been issued, whether it still holds or not. ``installed``
    says that its bundle was put on trial for it."""

    desired: DesiredBundle | None = None
    newest: datetime | None = None
    fault: Fault | None = None
    installed: bool = False


def accept(standing: Standing, wanted: DesiredBundle | None) -> Standing:
    """Take over what is desired now; the same again changes nothing."""
    if wanted == standing.desired:
        return standing
    return Standing(desired=wanted, newest=standing.newest if wanted is None else wanted.issued_at)


def is_due(record: Record, standing: Standing, in_use: str | None) -> bool:
    """Whether something is to be done for what is desired. ``in_use`` is the digest of the bundle that judges."""
    desired = standing.desired
    if desired is None or _is_there(record, desired.sha256, in_use):
        return False
    if standing.fault is not None and standing.fault.state == "refused":
        return False
    # Its trial may have failed, or somebody went back from it: not again, unless another desire says so.
    return not (standing.installed and any(one.digest == desired.sha256 for one in record.left))


def find_state(record: Record, standing: Standing, in_use: str | None) -> tuple[UpdateState, str]:
    """How the device is doing with what is desired, and why."""
    desired = standing.desired
    if desired is None:
        return ("settled" if record.trial is None else "trial"), ""
    if _is_there(record, desired.sha256, in_use):
        return _find_state_of_there(record, arrived=in_use == desired.sha256)
    if standing.fault is not None:
        return standing.fault.state, standing.fault.reason
    reason = next((left.reason for left in record.left if left.digest == desired.sha256), None)
    return ("fetching", "") if reason is None or not standing.installed else ("left", reason)


def _find_state_of_there(record: Record, *, arrived: bool) -> tuple[UpdateState, str]:
    if current(record) is None:
        return "settled", ""
    if record.trial is not None:
        return "trial", "" if arrived else _NEXT_START
    return ("kept", "") if arrived else ("verifying", _NEXT_START)


def name_of(desired: DesiredBundle | None) -> DesiredName | None:
    """What is told of a desire."""
    return None if desired is None else DesiredName(id=desired.id, sha256=desired.sha256)


def _is_there(record: Record, digest: str, in_use: str | None) -> bool:
    """Whether the next start has this bundle; that of the configuration counts while no other is on the shelf."""
    return current(record) == digest or (current(record) is None and in_use == digest)

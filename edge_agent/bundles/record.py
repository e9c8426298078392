"""Which bundle a device uses, which it used before and which is on trial; pure, written to disk as one file."""

from __future__ import annotations

import msgspec

from edge_agent.bundles.errors import RefusedBundleError

MOST_BOOTS = 3
"""Starts that a trial may take: one that never gets as far as to be judged ends a process each time."""

_MOST_LEFT = 20


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle that must still prove itself; ``boots`` are the starts with it so far."""

    digest: str
    boots: int = 0


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle whose trial failed, and why."""

    digest: str
    reason: str


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Bundles by the SHA-256 of their files. ``kept`` is the one in use, ``None``: the one that the configuration
    names; ``before`` is the one to go back to by hand."""

    kept: str | None = None
    before: str | None = None
    trial: Trial | None = None
    left: tuple[Left, ...] = ()

    @property
    def digests(self) -> frozenset[str]:
        """Every bundle that may be needed again."""
        trial = self.trial.digest if self.trial else None
        return frozenset(digest for digest in (self.kept, self.before, trial) if digest is not None)


def put_on_trial(record: Record, digest: str, *, again: bool = False) -> Record:
    """Have the next start use ``digest``; ``again`` allows one that failed before. Raises ``RefusedBundleError``."""
    if digest == record.kept:
        return msgspec.structs.replace(record, trial=None)
    failure = next((one for one in record.left if one.digest == digest), None)
    if failure is not None and not again:
        raise RefusedBundleError(
            f"bundle {digest[:12]} was on trial before and was left: {failure.reason}; install another one, or this "
            "one with --again"
        )
    others = tuple(one for one in record.left if one.digest != digest)
    return msgspec.structs.replace(record, trial=Trial(digest=digest), left=others)


def start(record: Record) -> Record:
    """Count a start with the bundle on trial, or leave it when it had its starts."""
    trial = record.trial
    if trial is None:
        return record
    if trial.boots >= MOST_BOOTS:
        return leave(record, f"{trial.boots} starts without proving itself")
    return msgspec.structs.replace(record, trial=Trial(digest=trial.digest, boots=trial.boots + 1))


def keep(record: Record) -> Record:
    """Use the bundle on trial from now on."""
    if record.trial is None:
        return record
    return msgspec.structs.replace(record, kept=record.trial.digest, before=record.kept, trial=None)


def leave(record: Record, reason: str) -> Record:
    """End the trial without keeping its bundle."""
    if record.trial is None:
        return record
    left = Left(digest=record.trial.digest, reason=reason)
    return msgspec.structs.replace(record, trial=None, left=(*record.left, left)[-_MOST_LEFT:])


def go_back(record: Record, reason: str) -> Record:
    """Leave what is in use for what was before: the trial, else the bundle that was kept."""
    if record.trial is not None:
        return leave(record, reason)
    if record.kept is None:
        return record
    left = (*record.left, Left(digest=record.kept, reason=reason))[-_MOST_LEFT:]
    return msgspec.structs.replace(record, kept=record.before, before=None, left=left)


def current(record: Record) -> str | None:
    """The bundle to use; ``None``: the one that the configuration names."""
    return record.trial.digest if record.trial is not None else record.kept

"""Which bundle the agent opens, and what becomes of one on trial while it runs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from edge_agent.bundles.errors import ShelfDiskError
from edge_agent.bundles.on_trial import OnTrial
from edge_agent.bundles.record import Record, current, go_back, start
from edge_agent.bundles.shelf import Shelf, digest_of
from edge_agent.bundles.trial import TrialPolicy, TrialWatch
from models.bundle import Bundle
from models.errors import NexaraError

log = logging.getLogger(__name__)

Opener = Callable[["Path | None"], Bundle]
"""Opens and verifies a bundle's file, or without one that of the configuration; raises ``BundleError``, and
``ConfigError`` for a file that does not go with the configuration."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An open bundle, the SHA-256 of its file (``None`` for a folder), and its trial while it is on one."""

    bundle: Bundle
    digest: str | None = None
    trial: OnTrial | None = None


def choose_bundle(shelf: Shelf | None, open_: Opener, policy: TrialPolicy, clock: Callable[[], float]) -> Choice:
    """Open the bundle of the ``shelf``'s record, and count the start where it is on trial. One that is damaged or does
    not open is left for the one before, and at last for the configuration's; one whose start cannot be counted waits.
    Raises what ``open_`` raises of that."""
    if shelf is None:
        return _choose_configured(open_(None))
    bundle, record = _open_current(shelf, _begin(shelf), open_, partial(_change, shelf))
    digest = current(record)
    if digest is None:
        return _choose_configured(bundle)
    if record.trial is None:
        return Choice(bundle, digest)
    manifest, boots = bundle.manifest, record.trial.boots
    log.info("bundle %s %s is on trial, start %d", manifest.name, manifest.version, boots)
    return Choice(bundle, digest, OnTrial(shelf, digest, TrialWatch(policy, clock)))


def current_bundle(shelf: Shelf | None, open_: Opener) -> Bundle:
    """What the agent would open now, nothing counted and nothing changed; raises as ``open_`` does, and
    ``ShelfError``."""
    if shelf is None:
        return open_(None)
    return _open_current(shelf, shelf.read(), open_, lambda record, change: change(record))[0]


def _begin(shelf: Shelf) -> Record:
    """The record of this start. A trial that the disk cannot keep account of is not begun: its end would be forgotten
    too, and each start would try the same bundle anew."""
    record = shelf.read()
    if record.trial is None:
        return _change(shelf, record, start)
    try:
        return shelf.change(start)
    except ShelfDiskError as error:
        log.error(  # noqa: TRY400 it says all
            "%s; bundle %s is on trial and is not tried without: the one before is used until a start finds a disk"
            " that takes writes", error, record.trial.digest[:12],
        )  # fmt: skip
        return msgspec.structs.replace(record, trial=None)


def _choose_configured(bundle: Bundle) -> Choice:
    return Choice(bundle, digest_in_use(Record(), bundle.path))


def digest_in_use(record: Record, configured: Path) -> str | None:
    """The SHA-256 of the file to use; ``None`` for a folder, or a file that cannot be read: watching with it does not
    need its name."""
    digest = current(record)
    if digest is not None:
        return digest
    try:
        return digest_of(configured) if configured.is_file() else None
    except OSError:
        return None


def _open_current(
    shelf: Shelf, record: Record, open_: Opener, change: Callable[[Record, Callable[[Record], Record]], Record]
) -> tuple[Bundle, Record]:
    """The first bundle of the ``record`` that opens, each before it left by ``change``, and the record then."""
    while (digest := current(record)) is not None:
        try:
            return open_whole(shelf, digest, open_), record
        except NexaraError as error:  # noqa: PERF203 three bundles at most
            log.error("bundle %s is left: %s", digest[:12], error)  # noqa: TRY400 it says all
            record = change(record, partial(go_back, reason=str(error)))
    return open_(None), record


def open_whole(shelf: Shelf, digest: str, open_: Opener) -> Bundle:
    """The bundle of that digest; raises ``ShelfDiskError`` when it is gone or changed, and as ``open_`` does."""
    path = shelf.path_of(digest)
    if not shelf.is_whole(digest):
        raise ShelfDiskError(f"{path}: missing or damaged; install the bundle again")
    return open_(path)


def _change(shelf: Shelf, record: Record, change: Callable[[Record], Record]) -> Record:
    """The record changed on disk, or where the disk does not let us, for this start alone."""
    try:
        return shelf.change(change)
    except ShelfDiskError as error:
        log.error("%s; this start goes on without", error)  # noqa: TRY400 it says all
        return change(record)

"""Which bundle the agent opens, and what becomes of one on trial while it runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edge_agent.bundles.errors import ShelfDiskError, TrialFailedError
from edge_agent.bundles.record import Record, current, go_back, keep, leave, start
from edge_agent.bundles.shelf import Shelf, digest_of
from edge_agent.bundles.trial import TrialPolicy, TrialWatch
from edge_agent.observation import Observation
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
    not open is left for the one before, and at last for the configuration's. Raises what ``open_`` raises of that."""
    if shelf is None:
        return _choose_configured(open_(None))
    bundle, record = _open_current(shelf, _change(shelf, shelf.read(), start), open_, partial(_change, shelf))
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


def _choose_configured(bundle: Bundle) -> Choice:
    try:
        return Choice(bundle, digest_of(bundle.path) if bundle.path.is_file() else None)
    except OSError:
        # It was open a moment ago; what it is called by matters less than that it watches.
        return Choice(bundle)


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


class OnTrial:
    """The trial of the bundle in use. Only the thread that decides calls it.

    Where another bundle was put on trial meanwhile, or this trial was ended by hand, it changes nothing on the shelf.
    """

    def __init__(self, shelf: Shelf, digest: str, watch: TrialWatch) -> None:
        self._shelf = shelf
        self._digest = digest
        self._watch = watch
        self._over = False
        self._failure: str | None = None

    def observe(self, observation: Observation, stop: threading.Event) -> None:
        """Take note of one camera; keep the bundle, or leave it and have the agent ``stop``, once that is clear."""
        verdict = None if self._over else self._watch.observe(observation)
        if verdict is None:
            return
        self._over = True
        if verdict == "keep":
            log.info("the bundle on trial has proved itself and is kept")
            self._record(keep)
            return
        self._failure = self._watch.reason
        self._record(partial(leave, reason=self._failure))
        stop.set()

    def fail(self, error: NexaraError) -> None:
        """Leave the bundle for ``error``, which ended the agent; nothing where the trial is over."""
        if not self._over:
            self._over, self._failure = True, str(error)
            self._record(partial(leave, reason=self._failure))

    def require_success(self) -> None:
        """Raise ``TrialFailedError`` where the bundle was left."""
        if self._failure is not None:
            raise TrialFailedError(f"the bundle on trial is left: {self._failure}; the next start has the one before")

    def _record(self, change: Callable[[Record], Record]) -> None:
        def change_own(record: Record) -> Record:
            return change(record) if record.trial is not None and record.trial.digest == self._digest else record

        try:
            self._shelf.change(change_own)
        except ShelfDiskError as error:
            # A trial that cannot be told of ends by its number of starts.
            log.error("%s", error)  # noqa: TRY400 it says all


def _change(shelf: Shelf, record: Record, change: Callable[[Record], Record]) -> Record:
    """The record changed on disk, or where the disk does not let us, for this start alone."""
    try:
        return shelf.change(change)
    except ShelfDiskError as error:
        log.error("%s; this start goes on without", error)  # noqa: TRY400 it says all
        return change(record)

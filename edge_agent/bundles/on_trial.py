"""What becomes of a bundle on trial while the agent runs with it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from edge_agent.bundles.errors import ShelfDiskError, TrialFailedError
from edge_agent.bundles.record import Record, keep, leave
from edge_agent.bundles.shelf import Shelf
from edge_agent.bundles.trial import TrialWatch
from edge_agent.delivery.payloads import Drift
from edge_agent.drift import DriftMeter
from edge_agent.observation import Observation
from models.errors import NexaraError

log = logging.getLogger(__name__)


class OnTrial:
    """The trial of the bundle in use. Only the thread that decides calls it.

    Where another bundle was put on trial meanwhile, or this trial was ended by hand, it changes nothing on the shelf.
    """

    def __init__(self, shelf: Shelf, digest: str, watch: TrialWatch) -> None:
        self._shelf = shelf
        self._digest = digest
        self._watch = watch
        self._meter: DriftMeter | None = None
        self._over = False
        self._failure: str | None = None

    @property
    def digest(self) -> str:
        """The SHA-256 of the bundle's file."""
        return self._digest

    @property
    def drift(self) -> Drift | None:
        """How the bundle compares with the one before."""
        return None if self._meter is None else self._meter.drift

    @property
    def failed(self) -> bool:
        """Whether the bundle was left."""
        return self._failure is not None

    def end(self, record: Record) -> Record:
        """The ``record`` without this trial, where it failed and the disk did not take that."""
        if self._failure is None or record.trial is None or record.trial.digest != self._digest:
            return record
        return leave(record, self._failure)

    def compare_by(self, meter: DriftMeter) -> None:
        """Have what ``meter`` finds count."""
        self._meter = meter

    def note_runtime(self, runtime: str) -> None:
        """Take note of the engine that judges from now on; on any thread."""
        self._watch.note_runtime(runtime)

    def observe(self, observation: Observation, give_up: Callable[[], object]) -> None:
        """Take note of one camera; keep the bundle, or leave it and ``give_up``, once that is clear."""
        verdict = None if self._over else self._watch.observe(observation, self.drift)
        if verdict is None:
            return
        self._over = True
        if verdict == "keep":
            log.info("the bundle on trial has proved itself and is kept")
            self._record(keep)
            return
        self._failure = self._watch.reason
        self._record(partial(leave, reason=self._failure))
        log.error("the bundle on trial is left: %s", self._failure)
        give_up()

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

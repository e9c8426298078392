"""Changing the bundle while cameras run: to the one on trial, and back from it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from edge_agent.bundles.bundle_in_use import BundleInUse
from edge_agent.bundles.choosing import open_whole
from edge_agent.bundles.errors import ShelfDiskError
from edge_agent.bundles.on_trial import OnTrial
from edge_agent.bundles.record import Record, current, leave, start
from edge_agent.bundles.shelf import Shelf
from edge_agent.bundles.trial import TrialWatch
from edge_agent.bundles.workshop import Workshop
from edge_agent.comparison import Comparison
from edge_agent.drift import DriftMeter
from edge_agent.observation import Observation
from edge_agent.seat import Seat
from edge_agent.sitting import Sitting
from models.bundle import Bundle
from models.errors import NexaraError
from models.manifest import Manifest
from runtimes.detector import Detector

log = logging.getLogger(__name__)

# The judging thread comes to it after a batch; one that does not hangs in its engine.
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Effects:
    """What a change has. ``changed`` is told of the bundle that judges from now on. ``nudge`` has somebody look at the
    record soon. ``renew`` has the agent start anew where it cannot change while it runs: after a trial that failed at
    once, else not within ``rest_s`` of its start."""

    changed: Callable[[BundleInUse], None]
    renew: Callable[[], None]
    rest_s: float
    nudge: Callable[[], None]


class Switch:
    """Has the bundle of the record judge, without a start anew where samples stay what they are.

    ``observe`` is the agent's thread's, ``note_runtime`` anybody's, all else one other thread's.
    """

    def __init__(
        self,
        shelf: Shelf,
        workshop: Workshop,
        seat: Seat,
        in_use: BundleInUse,
        trial: OnTrial | None,
        effects: Effects,
    ) -> None:
        """Raises ``ShelfDiskError``."""
        self._shelf = shelf
        self._workshop = workshop
        self._seat = seat
        self._in_use = in_use
        self._trial = trial
        self._effects = effects
        self._began_s = workshop.clock()
        # Where the disk did not let the start leave a bundle, the record still names it: that alone is no news.
        self._followed = current(shelf.read())
        self._compared = trial is None
        self._given_up: tuple[str | None] | None = None
        self._failed: OnTrial | None = None

    @property
    def in_use(self) -> BundleInUse:
        """The bundle that judges."""
        return self._in_use

    @property
    def trial(self) -> OnTrial | None:
        """That of the bundle in use: still on, kept, or failed."""
        return self._trial

    def record(self) -> Record:
        """What is on the shelf, but for a trial of which the disk did not take that it failed. Raises
        ``ShelfDiskError``."""
        record = self._shelf.read()
        return record if self._failed is None else self._failed.end(record)

    def observe(self, observation: Observation) -> None:
        """What a trial is told of a camera."""
        if self._trial is not None:
            self._trial.observe(observation, self._effects.nudge)

    def note_runtime(self, runtime: str) -> None:
        """What a trial is told of engines."""
        if self._trial is not None:
            self._trial.note_runtime(runtime)

    def follow(self) -> None:
        """Do what the record asks for by now. Raises ``NexaraError`` for what went wrong with that."""
        if not self._seat.taken:
            return
        failed = self._trial is not None and self._trial.failed
        if failed:
            self._failed = self._trial
        record = self._settle_failed()
        digest = current(record)
        if digest != self._followed:
            # What did not go once will not the next second; to open a bundle is work.
            if self._given_up != (digest,) and self._change(record, digest):
                return
            self._given_up = (digest,)
            if failed or self._workshop.clock() - self._began_s >= self._effects.rest_s:
                self._effects.renew()
        elif self._trial is not None and record.trial is None:
            self._settle()
        elif not self._compared:
            self._compared = True
            self._compare_from_now(record)

    def _settle_failed(self) -> Record:
        """The record, with a trial that failed ended on disk as soon as that takes it."""
        record = self.record()
        if self._failed is not None:
            with suppress(ShelfDiskError):
                self._shelf.change(self._failed.end)
                self._failed = None
        return record

    def _change(self, record: Record, digest: str | None) -> bool:
        """Whether the bundle of that digest judges now, or was left; else a start anew must see to it."""
        on_trial = record.trial is not None and record.trial.digest == digest
        try:
            bundle = self._open(digest)
        except NexaraError as error:
            log.error("%s", error)  # noqa: TRY400 it says all
            return False
        if not are_alike(self._in_use.bundle.manifest, bundle.manifest):
            log.info("the bundle %s takes other samples: the agent starts anew with it", bundle.manifest.version)
            return False
        try:
            if on_trial and current(self._shelf.change(start)) != digest:
                return True
            sitting = self._workshop.judge(bundle, self.note_runtime, self._seat.alone)
        except ShelfDiskError as error:
            log.error("%s", error)  # noqa: TRY400 it says all
            return False
        except NexaraError as error:
            log.error("%s", error)  # noqa: TRY400 it says all
            return on_trial and self._leave(digest, str(error))
        return self._seat_now(sitting, bundle, digest, on_trial=on_trial)

    def _seat_now(self, sitting: Sitting, bundle: Bundle, digest: str | None, *, on_trial: bool) -> bool:
        trial = self._begin_trial(digest, sitting) if on_trial and digest is not None else None
        meter = self._meter(self._in_use.bundle, bundle)
        if not self._seat.change(partial(self._exchange, sitting, None if trial is None else meter), _PATIENCE_S):
            sitting.close()
            return False
        if trial is not None:
            trial.compare_by(meter)
        self._followed, self._trial, self._compared = digest, trial, True
        self._in_use.use(bundle, digest)
        name = self._in_use.name
        log.info("bundle %s %s judges from now on%s", name.name, name.version, ", on trial" if trial else "")
        self._given_up = None
        self._effects.changed(self._in_use)
        return True

    def _begin_trial(self, digest: str, sitting: Sitting) -> OnTrial:
        trial = OnTrial(self._shelf, digest, TrialWatch(self._workshop.policy, self._workshop.clock))
        trial.note_runtime(sitting.detector.description)
        return trial

    def _leave(self, digest: str | None, reason: str) -> bool:
        def leave_own(record: Record) -> Record:
            # Another may have been put on trial while this one was opened.
            return leave(record, reason) if record.trial is not None and record.trial.digest == digest else record

        self._shelf.change(leave_own)
        return True

    def _exchange(self, sitting: Sitting, meter: DriftMeter | None, before: Sitting) -> Sitting:
        """On the judging thread: who sits from now on. What sat before goes on to be compared with, or is closed."""
        if meter is None:
            before.close()
            return sitting
        rival = before.detector
        if before.comparison is not None:
            # A trial takes the place of another: what both are measured by stays.
            rival = before.comparison.before
            before.detector.close()
        return replace(sitting, comparison=self._comparison(rival, sitting.detector, meter))

    def _settle(self) -> None:
        """The trial is over and its bundle kept: nothing is compared any more."""

        def settle(sitting: Sitting) -> Sitting:
            if sitting.comparison is not None:
                sitting.comparison.close()
            return replace(sitting, comparison=None)

        if self._seat.change(settle, _PATIENCE_S):
            self._trial = None

    def _compare_from_now(self, record: Record) -> None:
        """A trial that began with the agent: the bundle of before is opened beside it."""
        trial = self._trial
        before = self._open(record.kept)
        if trial is None or not are_alike(before.manifest, self._in_use.bundle.manifest):
            return
        detector = self._workshop.detector(before, self._seat.alone)
        meter = self._meter(before, self._in_use.bundle)

        def compare(sitting: Sitting) -> Sitting:
            return replace(sitting, comparison=self._comparison(detector, sitting.detector, meter))

        if self._seat.change(compare, _PATIENCE_S):
            trial.compare_by(meter)
        else:
            detector.close()

    def _open(self, digest: str | None) -> Bundle:
        file = self._workshop.file
        return file(None) if digest is None else open_whole(self._shelf, digest, file)

    def _meter(self, before: Bundle, after: Bundle) -> DriftMeter:
        return DriftMeter(self._workshop.alert(before.manifest), self._workshop.alert(after.manifest))

    def _comparison(self, before: Detector, after: Detector, meter: DriftMeter) -> Comparison:
        return Comparison(before, after, self._workshop.largest_gap_s, meter, self._workshop.clock)


def are_alike(one: Manifest, other: Manifest) -> bool:
    """Whether two bundles take the same samples, so that cameras need not notice which of them judges."""
    return (one.geometry, one.preprocessing, one.classes) == (other.geometry, other.preprocessing, other.classes)

"""Pursuing the desired bundle: the thread that hears what is desired, has it fetched and tested, and tells of it."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

import numpy as np

from edge_agent.backoff import BackoffPolicy, wait_s
from edge_agent.bundles.attempt import attempt, may_pass
from edge_agent.bundles.bulletin import Bulletin
from edge_agent.bundles.desire_box import DesireBox, SessionBegan
from edge_agent.bundles.desire_gate import DesireGate
from edge_agent.bundles.errors import FetchEndedError, RefusedDesireError
from edge_agent.bundles.installing import Installer
from edge_agent.bundles.standing import accept, find_state, is_due, name_of
from edge_agent.bundles.standing_file import StandingFile
from edge_agent.bundles.switch import Switch
from edge_agent.delivery.payloads import DesiredBundle, UpdateState
from edge_agent.delivery.request import Request
from models.errors import NexaraError

log = logging.getLogger(__name__)

PROGRESS_STEPS = 20
"""In which the fetching of a file is told: a large one comes in a thousand pieces."""
_TICK_S = 1.0
_PURSUED: tuple[UpdateState, ...] = ("fetching", "failed")
"""What is said of a desired bundle for which something is done."""
_AGAIN = BackoffPolicy(first_s=60.0, factor=2.0, most_s=6 * 3600.0)
_FETCH_AGAIN = BackoffPolicy(first_s=1.0)


class Pursuit:
    """Has the device come to use what is desired; on one thread.

    What was desired is pursued while no broker is there, and in a session from when it is heard again: what is not any
    more may have been taken back meanwhile, of which nobody tells.
    """

    def __init__(
        self,
        gate: DesireGate,
        installer: Installer,
        switch: Switch,
        bulletin: Bulletin,
        box: DesireBox,
        *,
        clock: Callable[[], float],
        utc: Callable[[], datetime],
        random: np.random.Generator,
    ) -> None:
        """``clock`` is monotonic seconds."""
        downloader = replace(installer.downloader, pause=self._pause, progress=self._progress)
        self._installer = replace(installer, downloader=downloader)
        self._standing = StandingFile(installer.shelf.directory)
        self._gate = gate
        self._switch = switch
        self._bulletin = bulletin
        self._box = box
        self._clock = clock
        self._utc = utc
        self._random = random
        self._wanted: DesiredBundle | None = None
        self._unheard = False
        self._failures = 0
        self._due_s = -math.inf
        self._doing: tuple[UpdateState, float | None] | None = None
        self._refused: RefusedDesireError | None = None
        self._complaint = ""

    def run(self) -> None:
        """Pursue until the box is halted; at last tell how it is."""
        while not self._box.halted:
            self._guarded(self.look)
            self._box.wait(_TICK_S)
        self._guarded(self._tell)

    def look(self) -> None:
        """Hear what is new, do what is due, and tell how it is. Raises ``NexaraError``."""
        try:
            heard = self._box.take()
            if isinstance(heard, SessionBegan):
                # What another session refused is nothing that this broker asks for.
                self._unheard, self._refused = True, None
            elif heard is not None:
                self._unheard = False
                self._listen(heard)
            if self._wanted is not None and not self._unheard and self._clock() >= self._due_s:
                self._pursue(self._wanted)
        finally:
            # Whatever is wrong with a desire: a bundle on trial may have to be left.
            try:
                self._switch.follow()
            finally:
                self._tell()

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            act()
        except NexaraError as error:
            self._complain(str(error))
        except Exception:  # the last place that hears of it: the next desire must find its thread
            log.exception("the pursuit of a desired bundle failed")

    def _listen(self, request: Request) -> None:
        try:
            heard = self._gate.admit(request, self._standing.read(), self._utc())
        except RefusedDesireError as error:
            self._refused = error
            self._complain(f"a desired bundle is refused: {error}")
            return
        self._refused = None
        standing = self._standing.change(partial(accept, wanted=heard))
        wanted = heard if is_due(self._switch.record(), standing, self._switch.in_use.file.sha256) else None
        if wanted != self._wanted:
            self._wanted, self._failures, self._due_s = wanted, 0, -math.inf

    def _pursue(self, wanted: DesiredBundle) -> None:
        log.info("bundle %s is desired, by %r", wanted.sha256[:12], wanted.id)
        # Beforehand, so that what fails in a way that nobody foresaw is not tried each second.
        self._failures += 1
        self._due_s = self._clock() + wait_s(_AGAIN, self._failures, self._random.random)
        self._do("fetching", 0.0)
        try:
            found = attempt(self._installer, self._standing, wanted, lambda: self._do("verifying", None))
        except FetchEndedError:
            self._failures, self._due_s = self._failures - 1, -math.inf
            return
        except NexaraError as error:
            self._complain(f"the desired bundle {wanted.sha256[:12]}: {error}")
            if not may_pass(error):
                self._wanted = None
            return
        finally:
            self._doing = None
        self._wanted, self._complaint = None, ""
        name = f"{found.manifest.name} {found.manifest.version}"
        log.info("the desired bundle %s passed its self-test on %s and is on trial next", name, found.runtime)

    def _do(self, state: UpdateState, progress: float | None) -> None:
        self._doing = (state, progress)
        self._tell()

    def _pause(self, failures: int) -> None:
        self._box.wait(wait_s(_FETCH_AGAIN, failures, self._random.random))
        self._require_current()

    def _progress(self, done: int, total: int | None) -> None:
        self._require_current()
        steps = int(PROGRESS_STEPS * min(1.0, done / total)) if total else 0
        if self._doing != ("fetching", steps / PROGRESS_STEPS):
            self._do("fetching", steps / PROGRESS_STEPS)

    def _require_current(self) -> None:
        if self._box.rings:
            raise FetchEndedError("fetching was given up for what came meanwhile")

    def _tell(self) -> None:
        record, standing, in_use = self._switch.record(), self._standing.read(), self._switch.in_use.file
        state, reason = find_state(record, standing, in_use.sha256)
        progress: float | None = None
        desired = name_of(standing.desired)
        if self._unheard and desired is not None and state in _PURSUED:
            reason = f"{desired.id!r} was desired; the broker has not said in this session that it still is"
            state, desired = "settled", None
        if self._doing is not None:
            (state, progress), reason = self._doing, ""
        elif self._refused is not None:
            state, reason, desired = "refused", str(self._refused), self._refused.desired
        on_trial = record.trial is not None and record.trial.digest == in_use.sha256
        self._bulletin.tell(
            in_use,
            state,
            reason,
            trial=on_trial,
            desired=desired,
            progress=progress,
            drift=None if self._switch.trial is None else self._switch.trial.drift,
        )

    def _complain(self, text: str) -> None:
        """Log what is wrong, once as long as it stays the same."""
        if text != self._complaint:
            log.error("%s", text)
        self._complaint = text

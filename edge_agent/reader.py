"""One camera's thread: open its source, read, cut samples, and begin again whenever that fails."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edge_agent.backoff import BackoffPolicy, wait_s
from edge_agent.events import Connection
from edge_agent.frame import Frame
from edge_agent.sample import Sample
from edge_agent.sources.source import Need, Source, SourceError, SourceOptions
from edge_agent.splitter import Splitter
from edge_agent.standstill import Standstill

_log = logging.getLogger(__name__)
# What a timeout of FFmpeg's own may overrun before the call counts as hung.
_GRACE_S = 2.0
# A connection that held this long was a good one: the next failure is a first one again.
_STABLE_S = 10.0
_SETTLE_S = 5.0


@dataclass(frozen=True, slots=True)
class Link:
    """How a camera's connection is; ``ended`` says that its source came to its end and will give no more."""

    connection: Connection
    reason: str | None = None
    ended: bool = False


class Reader:
    """Reads one source until ``halt``. It owns its source alone; what others read of it (``link``, ``overdue``,
    ``failures`` in a row) is replaced whole and never waited for, so that a reader hung in a native call can simply be
    left behind."""

    def __init__(
        self,
        camera: str,
        open_: Callable[[Need], Source],
        splitter: Splitter,
        deliver: Callable[[Sample], None],
        *,
        options: SourceOptions,
        retry: BackoffPolicy,
        clock: Callable[[], float],
        random: np.random.Generator,
        link: Link = Link("connecting"),
        first_wait_s: float = 0.0,
    ) -> None:
        self.link = link
        self.skipped = 0
        self.failures = 0
        self._camera = camera
        self._seen = False
        self._skipped_before = 0
        self._open = open_
        self._splitter = splitter
        self._deliver = deliver
        self._options = options
        self._retry = retry
        self._clock = clock
        self._random = random
        self._first_wait_s = first_wait_s
        self._deadline_s: float | None = None
        self._halted = threading.Event()
        self._roused = threading.Event()
        self._settled = threading.Condition()
        self._unsettled = 0
        self._thread = threading.Thread(target=self._run, name=f"camera {camera}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def halt(self) -> None:
        """Ask the thread to end; it does so as soon as its source lets it."""
        self._halted.set()
        self._roused.set()
        with self._settled:
            self._settled.notify_all()

    def rouse(self, *, awake: bool) -> None:
        """Say whether the camera is awake, which reads each picture as it comes."""
        if awake or self.halted:
            self._roused.set()
        else:
            self._roused.clear()

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    @property
    def halted(self) -> bool:
        return self._halted.is_set()

    def overdue(self, now_s: float) -> bool:
        """Whether the source has held the thread for longer than any of its timeouts allows."""
        deadline_s = self._deadline_s
        return deadline_s is not None and now_s > deadline_s

    def settle(self) -> None:
        """Say that one delivered sample has been judged and decided upon."""
        with self._settled:
            self._unsettled -= 1
            self._settled.notify_all()

    def _run(self) -> None:
        self._halted.wait(self._first_wait_s)
        while not self._halted.is_set():
            opened_s = self._clock()
            try:
                self._read_to_the_end()
            except SourceError as error:
                self._fail(str(error))
            except Exception as error:  # noqa: BLE001 - a camera's thread is the last place that hears of it; the others go on
                _log.exception("a source failed in an unforeseen way")
                self._fail(f"unforeseen failure: {type(error).__name__}")
            else:
                return
            self.failures = 1 if self._clock() - opened_s >= _STABLE_S else self.failures + 1
            self._halted.wait(wait_s(self._retry, self.failures, self._random.random))

    def _fail(self, reason: str) -> None:
        self._deadline_s = None
        known = self._seen and self.link.connection in ("connected", "stalled")
        self._enter(Link("stalled" if known else "failed", reason))

    def _enter(self, link: Link) -> None:
        if self.halted:
            return
        if link != self.link:
            level = logging.WARNING if link.reason and not link.ended else logging.INFO
            _log.log(level, "camera %s: %s%s", self._camera, link.connection, f": {link.reason}" if link.reason else "")
        self.link = link

    def _read_to_the_end(self) -> None:
        self._allow(self._options.open_timeout_s + self._options.read_timeout_s)
        source, standstill = self._open(self._needs), Standstill()
        try:
            while not self.halted:
                self._allow(self._options.read_timeout_s)
                frame = source.read(self._halted)
                if frame is None:
                    break
                standstill.follow(frame.time_s, frame.segment, self._clock())
                self._take(frame, source)
                # It takes megabytes, and an idle camera's next one comes in seconds.
                del frame
        finally:
            self._deadline_s = None
            self._skipped_before += source.skipped
            source.close()
        self._enter(Link("stalled", "the source came to its end", ended=True))

    def _needs(self, time_s: float, *, key: bool, spare_s: float) -> bool:
        # A source asks for each picture that it was sent: it does not hang, however long none of them is needed.
        self._allow(self._options.read_timeout_s)
        needed = self._splitter.needs(time_s, key=key)
        if not needed and spare_s > 0:
            self._roused.wait(min(spare_s, self._splitter.rest_s(time_s)))
        return needed

    def _take(self, frame: Frame, source: Source) -> None:
        arrived_s = self._clock() - frame.late_s
        self._seen = True
        self.skipped = self._skipped_before + source.skipped
        if self.link.connection != "connected":
            self._enter(Link("connected"))
        with self._options.turns:
            samples = self._splitter.make(frame, arrived_s)
        self._deadline_s = None
        for sample in samples:
            if self.halted:
                return
            with self._settled:
                self._unsettled += 1
            self._deliver(sample)
        if samples and not self._options.realtime:
            self._await_settlement()

    def _await_settlement(self) -> None:
        """A source faster than time waits for what its samples led to: it must not outrun the camera's mode."""
        with self._settled:
            if not self._settled.wait_for(lambda: self._unsettled <= 0 or self.halted, _SETTLE_S):
                self._unsettled = 0

    def _allow(self, seconds: float) -> None:
        self._deadline_s = self._clock() + seconds + _GRACE_S

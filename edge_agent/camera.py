"""A source's supply of samples, kept up whatever it does: a reader that hangs is left behind and replaced."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edge_agent.backoff import BackoffPolicy, wait_s
from edge_agent.cover import Cover
from edge_agent.events import Connection, Mode, Picture
from edge_agent.reader import Link, Reader
from edge_agent.sample import Sample
from edge_agent.sampling import SamplingPolicy
from edge_agent.sources.address import redact
from edge_agent.sources.source import Need, Source, SourceOptions
from edge_agent.splitter import Splitter

# A thread hung in native code cannot be ended. More than a few of them, and memory would grow with every attempt.
_MOST_HUNG = 3
_GIVEN_UP_AFTER = 3


class Camera:
    """One source, from its address to the samples of all its views; most have one."""

    def __init__(
        self,
        id_: str,
        address: str,
        open_: Callable[[Need], Source],
        make_splitter: Callable[[], Splitter],
        deliver: Callable[[Sample], None],
        *,
        options: SourceOptions,
        retry: BackoffPolicy,
        clock: Callable[[], float],
        random: np.random.Generator,
    ) -> None:
        self._id = id_
        self._address = redact(address)
        self._open = open_
        self._make_splitter = make_splitter
        self._deliver = deliver
        self._options = options
        self._retry = retry
        self._clock = clock
        self._random = random
        self._hung: list[Reader] = []
        self._hangs = 0
        self._modes: dict[str, Mode] = {}
        self._splitter = make_splitter()
        self._reader = self._make_reader(Link("connecting"), 0.0)

    @property
    def link(self) -> Link:
        """How the connection is now."""
        return self._reader.link

    def picture(self, view: str) -> Picture:
        """What is wrong with the pictures of a view, if anything is."""
        return self._splitter.picture(view)

    @property
    def spent(self) -> bool:
        """Whether no more is to be expected: the source came to its end, or hung or failed three times in a row. It is
        tried again even so."""
        if self.link.connection == "connected":
            return False
        return self.link.ended or self._reader.failures + self._hangs >= _GIVEN_UP_AFTER

    @property
    def skipped(self) -> int:
        """Broken packets, frames and clips left out since the present reader began."""
        return self._reader.skipped

    def start(self) -> None:
        self._reader.start()

    def set_mode(self, view: str, mode: Mode) -> None:
        """Sample a view at this mode's rate from the next frame on."""
        self._modes[view] = mode
        self._splitter.set_mode(view, mode)
        awake = "alert" in self._modes.values()
        self._options.turns.hurry(awake=awake)
        self._reader.rouse(awake=awake)

    def set_sampling(self, view: str, policy: SamplingPolicy) -> None:
        """Sample a view by this policy from the next frame on."""
        self._splitter.set_sampling(view, policy)

    def set_cover(self, view: str, cover: Cover) -> None:
        """Judge and show of a view what this leaves, from the next frame on."""
        self._splitter.set_cover(view, cover)

    def settle(self) -> None:
        """Say that one of its samples has been judged and decided upon."""
        self._reader.settle()

    def tend(self, now_s: float) -> None:
        """Replace a reader whose source has hung; to be called a few times a second."""
        self._hung = [reader for reader in self._hung if reader.alive]
        if self._reader.halted or not self._reader.overdue(now_s):
            return
        connection: Connection = "stalled" if self.link.connection in ("connected", "stalled") else "failed"
        reason = f"{self._address}: hung: no answer and no timeout; it is opened anew"
        if len(self._hung) >= _MOST_HUNG:
            self._reader.link = Link(connection, f"{self._address}: hung {_MOST_HUNG + 1} times; waiting for it")
            return
        self._reader.halt()
        self._hung.append(self._reader)
        self._hangs += 1
        self._splitter = self._make_splitter()
        for view, mode in self._modes.items():
            self._splitter.set_mode(view, mode)
        self._reader = self._make_reader(
            Link(connection, reason), wait_s(self._retry, self._hangs, self._random.random)
        )
        self._reader.start()

    def halt(self) -> None:
        self._reader.halt()

    def join(self, timeout_s: float) -> None:
        self._reader.join(timeout_s)

    def _make_reader(self, link: Link, first_wait_s: float) -> Reader:
        return Reader(
            self._id,
            self._open,
            self._splitter,
            self._deliver,
            options=self._options,
            retry=self._retry,
            clock=self._clock,
            random=self._random.spawn(1)[0],
            link=link,
            first_wait_s=first_wait_s,
        )

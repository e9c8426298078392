"""A session that listens to all devices, from the first answer of the broker to the end."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from edge_agent.delivery.backoff import Backoff
from edge_agent.delivery.broker import Broker
from edge_agent.delivery.connection import open_connection
from edge_agent.delivery.request import Request
from edge_agent.delivery.topics import ROOT
from fleet.devices.book import Book, site_filters
from fleet.errors import FleetError
from fleet.line import Line

_PATIENCE_S = 60.0
_STEP_S = 0.2


@dataclass(frozen=True, slots=True)
class Watch:
    """The line, and what was heard on it."""

    line: Line
    book: Book

    def catch_up(self, seconds: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        """Listen until what is retained was heard, and for ``seconds`` at least; raises ``FleetError`` when the broker
        goes away meanwhile."""
        began_s = clock()
        while not self.line.caught_up or clock() < began_s + seconds:
            if clock() > began_s + seconds + _PATIENCE_S or not self.line.connected:
                raise FleetError("the broker went away before it had told which devices there are; try again")
            self.line.step(_STEP_S)


@contextmanager
def watch_devices(
    broker: Broker, site: str | None, answers: str | None = None, receive: Callable[[Request], None] | None = None
) -> Iterator[Watch]:
    """Listen to the devices of a site, or of all; what comes to the topics ``answers`` goes to ``receive``. Raises
    ``BrokerError``."""

    def hear(topics: Sequence[str]) -> None:
        line.hear(topics)

    book = Book(hear)

    def take(request: Request) -> None:
        if receive is not None and "/answer/" in request.topic:
            receive(request)
        else:
            book.take(request)

    filters = site_filters(ROOT, site) if answers is None else (*site_filters(ROOT, site), answers)
    line = Line(lambda: open_connection(broker), filters, take, Backoff(random.random))
    line.open()
    try:
        yield Watch(line, book)
    finally:
        line.close()

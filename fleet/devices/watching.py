"""A session that listens to all devices, from the first answer of the broker to the end."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from edge_agent.backoff import Backoff
from edge_agent.delivery.broker import Broker
from edge_agent.delivery.connection import open_connection
from edge_agent.delivery.request import Request
from edge_agent.delivery.topics import ROOT
from fleet.devices.book import Book, presence_filter, site_filters
from fleet.errors import FleetError
from fleet.line import Line

_PATIENCE_S = 300.0
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
def watch_devices(broker: Broker, site: str | None) -> Iterator[Watch]:
    """Listen to all that the devices of a site say, or those of all sites; raises ``BrokerError``."""

    def hear(topics: Sequence[str]) -> None:
        line.hear(topics)

    book = Book(hear)
    line = _line(broker, site_filters(ROOT, site), book.take)
    with _opened(line):
        yield Watch(line, book)


@contextmanager
def watch_presence(
    broker: Broker, site: str | None, answers: str, receive: Callable[[Request], None]
) -> Iterator[Watch]:
    """Listen to which devices there are; what comes to the topics ``answers`` goes to ``receive``. Raises
    ``BrokerError``."""
    book = Book(lambda _topics: None)

    def take(request: Request) -> None:
        (receive if "/answer/" in request.topic else book.take)(request)

    line = _line(broker, (answers, presence_filter(ROOT, site)), take)
    with _opened(line):
        yield Watch(line, book)


def _line(broker: Broker, filters: Sequence[str], receive: Callable[[Request], None]) -> Line:
    return Line(lambda: open_connection(broker), filters, receive, Backoff(random.random))


@contextmanager
def _opened(line: Line) -> Iterator[None]:
    line.open()
    try:
        yield
    finally:
        line.close()

"""Metrics where they can be had: watching goes on without them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from edge_agent.commands.figures import CommandFigures
from edge_agent.delivery.figures import DeliveryFigures
from edge_agent.metrics.about import About
from edge_agent.metrics.tally import Tally

log = logging.getLogger(__name__)


@contextmanager
def serve_metrics(
    listen: str | None,
    tally: Tally,
    delivery: Callable[[], DeliveryFigures],
    about: Callable[[], About],
    commands: Callable[[], CommandFigures] | None = None,
) -> Iterator[None]:
    """Serve ``tally`` at ``listen``, as ``127.0.0.1:9464``, until left. What keeps that from being is logged as an
    error and raises nothing; ``None`` serves nothing."""
    with ExitStack() as stack:
        if listen is not None:
            try:
                _open(stack, listen, tally, delivery, about, commands)
            except ImportError as error:
                log.error("no metrics: %s; install nexaravision[metrics]; watching goes on", error)  # noqa: TRY400 told
            except OSError as error:
                log.error(  # noqa: TRY400 the message says it all
                    "no metrics: cannot listen on %s: %s; give [metrics] listen a free address; watching goes on",
                    listen,
                    error.strerror or error,
                )
        yield


def split_listen(listen: str) -> tuple[str, int]:
    """Host and port of ``host:port`` or ``[address]:port``."""
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)


def _open(
    stack: ExitStack,
    listen: str,
    tally: Tally,
    delivery: Callable[[], DeliveryFigures],
    about: Callable[[], About],
    commands: Callable[[], CommandFigures] | None,
) -> None:
    from edge_agent.metrics.collector import Collector, make_registry
    from edge_agent.metrics.endpoint import open_endpoint

    host, port = split_listen(listen)
    stack.enter_context(open_endpoint(host, port, make_registry(Collector(tally, delivery, about, commands))))

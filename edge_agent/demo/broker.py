"""An MQTT broker inside the demo, so that a newcomer needs none."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import NamedTuple

from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter
from amqtt.broker import Broker

from edge_agent.demo.errors import DemoError

START_LIMIT_S = 5.0
STOP_LIMIT_S = 2.0

_HOST = "127.0.0.1"
_LISTENER = "default"
_CONFIG = {
    "listeners": {_LISTENER: {"type": "external"}},
    "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
}


class Address(NamedTuple):
    """Where a broker listens."""

    host: str
    port: int


class _Running(NamedTuple):
    loop: asyncio.AbstractEventLoop
    stop: asyncio.Event
    port: int


@contextmanager
def embedded_broker() -> Iterator[Address]:
    """Run an MQTT 3.1.1 broker (amqtt) on a free loopback port, in a thread of its own, while the context is open.

    Raises ``DemoError`` when it does not start.
    """
    started: Future[_Running] = Future()
    thread = threading.Thread(target=_run, args=(started,), name="demo-broker", daemon=True)
    thread.start()
    try:
        running = started.result(START_LIMIT_S)
    except Exception as error:
        reason = error or type(error).__name__
        raise DemoError(f"the demo's own broker did not start on {_HOST}: {reason}; see that loopback is up") from error
    try:
        yield Address(_HOST, running.port)
    finally:
        running.loop.call_soon_threadsafe(running.stop.set)
        thread.join(STOP_LIMIT_S)


def _run(started: Future[_Running]) -> None:
    try:
        asyncio.run(_serve(started))
    except Exception as error:
        if started.done():
            raise
        started.set_exception(error)


async def _serve(started: Future[_Running]) -> None:
    loop = asyncio.get_running_loop()
    broker = Broker(_CONFIG, loop=loop)
    await broker.start()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await broker.external_connected(StreamReaderAdapter(reader), StreamWriterAdapter(writer), _LISTENER)

    # The listening socket is ours and amqtt is handed each connection, since it cannot say which free port it took.
    server = await asyncio.start_server(connected, _HOST, 0)
    stop = asyncio.Event()
    started.set_result(_Running(loop, stop, server.sockets[0].getsockname()[1]))
    await stop.wait()
    server.close()
    await broker.shutdown()

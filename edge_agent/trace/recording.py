"""Watches one camera with a stopwatch listening, until enough samples came."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from edge_agent.agent import run_agent
from edge_agent.delivery.broker import Broker
from edge_agent.delivery.connection import Connection, open_connection
from edge_agent.delivery.errors import BrokerUnreachableError
from edge_agent.delivery.message import Message
from edge_agent.delivery.opening import Delivery, open_outbox
from edge_agent.delivery.outbox import MqttOutbox
from edge_agent.delivery.payloads import BundleName
from edge_agent.delivery.spool import SpoolLimits
from edge_agent.delivery.topics import Topics
from edge_agent.events import CameraState, Health, IncidentEvent, Snapshot
from edge_agent.observation import Observation
from edge_agent.stopwatch import Stopwatch
from edge_agent.trace.errors import TraceError
from edge_agent.trace.recorder import Recorder
from edge_agent.trace.sample_trace import SampleTrace
from edge_agent.trace.subject import Subject
from edge_agent.version import read_version

_SPOOL_LIMITS = SpoolLimits(64 * 2**20, 3600.0)


@dataclass(frozen=True, slots=True)
class Recording:
    """What was traced; ``short`` says why there are fewer samples than were asked for."""

    runtime: str
    traces: tuple[SampleTrace, ...]
    short: str | None


class _Telling:
    """An outbox that says which sample its messages tell of."""

    def __init__(self, outbox: MqttOutbox, recorder: Recorder) -> None:
        self._outbox = outbox
        self._recorder = recorder

    def incident(self, event: IncidentEvent) -> None:
        self._recorder.told()
        self._outbox.incident(event)

    def snapshot(self, snapshot: Snapshot) -> None:
        self._recorder.told()
        self._outbox.snapshot(snapshot)

    def camera_state(self, state: CameraState) -> None:
        self._outbox.camera_state(state)

    def health(self, health: Health) -> None:
        self._outbox.health(health)


def record(subject: Subject, samples: int, seconds: float, broker: tuple[str, int] | None) -> Recording:
    """Trace ``samples`` of a subject, in ``seconds`` at most. Messages are written to a spool of the trace's own, and
    published only where a ``broker`` (host and port) is given.

    Raises ``TraceError`` when not one sample came, ``BrokerError`` when the broker cannot be had, and what
    ``run_agent`` and ``open_outbox`` raise.
    """
    stop = threading.Event()
    recorder = Recorder(samples, stop.set)
    stopwatch = Stopwatch(recorder, time.monotonic, time.thread_time)
    runtimes: list[str] = []
    seen: list[Observation] = []
    limit = threading.Timer(seconds, stop.set)
    limit.daemon = True
    with _delivering(subject, stopwatch, broker) as outbox:
        limit.start()
        run_agent(
            [subject.camera],
            subject.bundle,
            _Telling(outbox, recorder),
            stop=stop,
            options=subject.options,
            on_runtime=runtimes.append,
            observe=seen.append,
            tracer=stopwatch,
        )
        limit.cancel()
    traces = recorder.traces()
    reason = next((one.reason for one in reversed(seen) if one.reason), None) or f"{seconds:g} s were not enough"
    if not traces:
        raise TraceError(f"camera {subject.camera.id}: not one sample was judged: {reason}; try it with doctor")
    return Recording(runtimes[-1], tuple(traces), None if len(traces) == samples else reason)


@contextmanager
def _delivering(subject: Subject, stopwatch: Stopwatch, broker: tuple[str, int] | None) -> Iterator[MqttOutbox]:
    manifest = subject.bundle.manifest
    if broker is not None:
        open_connection(_broker(broker)).close()
    with TemporaryDirectory(prefix="nexara-trace-") as folder:
        delivery = Delivery(
            topics=Topics(subject.site, subject.device),
            broker=_broker(broker),
            spool_directory=Path(folder),
            spool_limits=_SPOOL_LIMITS,
            version=read_version(),
            bundle=BundleName(name=manifest.name, version=manifest.version),
        )
        connect = open_connection if broker is not None else _connect_to_nobody
        outbox = open_outbox(delivery, tracer=stopwatch, connect=connect)
        outbox.start()
        try:
            yield outbox
        finally:
            outbox.close()


def _broker(address: tuple[str, int] | None) -> Broker:
    return Broker(*(address or ("nobody", 0)), "nexara-trace")


def _connect_to_nobody(_broker: Broker, _will: Message | None) -> Connection:
    raise BrokerUnreachableError("this trace publishes nothing")

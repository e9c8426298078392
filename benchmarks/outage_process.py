"""A process that tells of incidents through the agent's own outbox, until it is killed.

What the spool has accepted it writes to a ledger, an id a line, as soon as the commit has returned: what stands there
was promised to arrive.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edge_agent.backoff import Backoff
from edge_agent.delivery.broker import Broker
from edge_agent.delivery.brokers import Brokers
from edge_agent.delivery.connection import open_connection
from edge_agent.delivery.opening import SPOOL_FILE
from edge_agent.delivery.outbox import MqttOutbox
from edge_agent.delivery.payloads import BundleName
from edge_agent.delivery.presence import Presence, Process
from edge_agent.delivery.spool import Spool, SpoolLimits
from edge_agent.delivery.topics import Topics
from edge_agent.delivery.writer import Writer, interrupted
from edge_agent.events import IncidentEvent, Snapshot
from models.manifest import Thresholds

if TYPE_CHECKING:
    from edge_agent.inference import Judgement
    from edge_agent.sample import Sample
    from edge_agent.tracer import Stage

TOPICS = Topics("bench", "box")
LEDGER = "ledger"
STEPS_AN_INCIDENT = 4
_BUNDLE = BundleName(name="violence", version="0.8.0")
_THRESHOLDS = Thresholds(wake=0.3, alert=0.87, clear=0.5)
# The defaults of the configuration.
_LIMITS = SpoolLimits(256_000_000, 168 * 3600)
_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Job:
    """What one process is to do. ``hours`` of simulated time, from ``hour`` after now on, are told of and followed by a
    kill of its own; without them it tells of incidents until it is killed, or with ``drains`` of a single one and ends
    once all is delivered."""

    folder: Path
    port: int
    number: int
    snapshot_bytes: int
    hour: float = 0.0
    hours: float = 0.0
    incidents_an_hour: int = 0
    drains: bool = False


class Ledger:
    """Ids of messages in the order in which they were given to the outbox, written down as the spool takes them. It is
    the outbox's tracer, and deaf to all else."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._expected: deque[str] = deque()

    @property
    def settled(self) -> bool:
        """Whether all that was expected is written down."""
        return not self._expected

    def expect(self, ids: Sequence[str]) -> None:
        """Name messages before the outbox is given them."""
        self._expected.extend(ids)

    def timed(self, stage: Stage, camera: str = "", count: int = 1) -> AbstractContextManager[object]:  # noqa: ARG002
        return self._commit(count) if stage == "commit" and count else nullcontext()

    def frame_read(self, camera: str) -> None:
        """Not of interest."""

    def queued(self, sample: Sample) -> None:
        """Not of interest."""

    def taken(self, samples: Sequence[Sample]) -> None:
        """Not of interest."""

    def dropped(self, sample: Sample) -> None:
        """Not of interest."""

    def judged(self, judgement: Judgement) -> None:
        """Not of interest."""

    def answered(self, seconds: float) -> None:
        """Not of interest."""

    @contextmanager
    def _commit(self, count: int) -> Iterator[None]:
        yield
        # Not reached when the commit failed. One write, so that a kill leaves no half of a line. Expected until it is
        # done: whoever waits for that may end the process right after.
        os.write(self._file, "".join(f"{self._expected[place]}\n" for place in range(count)).encode())
        for _ in range(count):
            self._expected.popleft()


def work(job: Job) -> None:
    """Body of the process."""
    logging.disable(logging.WARNING)
    shift_s = job.hour * _HOUR_S
    now = [time.time() + shift_s]
    clock: Callable[[], float] = (lambda: now[0]) if job.hours else (lambda: time.time() + shift_s)
    spool = Spool(job.folder / SPOOL_FILE, _LIMITS, clock)
    ledger = Ledger(job.folder / LEDGER)
    ledger.expect([msgspec.json.decode(interrupted(step).payload)["id"] for step in spool.open_incidents()])
    brokers = Brokers(
        [Broker("127.0.0.1", job.port, "nexara-bench-box")], open_connection, time.monotonic, random.random, 300
    )
    process = Process("0.0.0", "bench", _utc())
    outbox = MqttOutbox(
        Writer(TOPICS, _BUNDLE),
        Presence(TOPICS, process, _BUNDLE, _utc),
        spool,
        brokers,
        Backoff(random.random),
        tracer=ledger,
    )
    outbox.start()
    if job.drains:
        # Who has heard its end has heard all before it: also what the ledger does not know, since a kill came between.
        _tell_incident(outbox, ledger, job, f"{job.number}-0-0")
        while outbox.figures().spool.messages or not ledger.settled:
            time.sleep(0.05)
        outbox.close()
    elif job.hours:
        _tell_hours(outbox, ledger, job, now)
    else:
        _tell(outbox, ledger, job)


def _tell(outbox: MqttOutbox, ledger: Ledger, job: Job) -> None:
    """Two cameras' incidents, one begun before the other's ends, without an end."""
    number = 0
    while True:
        for step in range(STEPS_AN_INCIDENT):
            for camera in range(2):
                _tell_step(outbox, ledger, job, f"{job.number}-{number}-{camera}", step)
                time.sleep(0.003)
        number += 1


def _tell_hours(outbox: MqttOutbox, ledger: Ledger, job: Job, now: list[float]) -> None:
    """Incidents spread evenly over simulated hours, and a kill in the midst of the last one."""
    began = now[0]
    count = max(1, int(job.incidents_an_hour * job.hours))
    for number in range(count):
        now[0] = began + job.hours * _HOUR_S * number / count
        _tell_incident(outbox, ledger, job, f"{job.number}-{number}-0", cut_off=number == count - 1)
        while not ledger.settled:
            time.sleep(0.0005)
    os.kill(os.getpid(), signal.SIGKILL)


def _tell_incident(outbox: MqttOutbox, ledger: Ledger, job: Job, incident: str, *, cut_off: bool = False) -> None:
    for step in range(STEPS_AN_INCIDENT - cut_off):
        _tell_step(outbox, ledger, job, incident, step)


def _tell_step(outbox: MqttOutbox, ledger: Ledger, job: Job, incident: str, step: int) -> None:
    """A step, and with the first its picture."""
    camera = f"camera-{incident[-1]}"
    at = _utc()
    last = step == STEPS_AN_INCIDENT - 1
    ledger.expect([f"{incident}:{step}"])
    outbox.incident(
        IncidentEvent(
            camera=camera,
            incident=incident,
            sequence=step,
            phase="started" if step == 0 else "ended" if last else "updated",
            at=at,
            started_at=at,
            ended_at=at if last else None,
            source_time_s=float(step),
            probability=0.91,
            peak=0.91,
            mean=0.91,
            snapshot=incident,
            thresholds=_THRESHOLDS,
            reason="calm" if last else None,
        )
    )
    if step == 0:
        ledger.expect([f"{incident}:{incident}"])
        picture = b"\xff\xd8" + bytes(job.snapshot_bytes) + b"\xff\xd9"
        outbox.snapshot(Snapshot(camera, incident, incident, at, picture))


def _utc() -> datetime:
    return datetime.now(timezone.utc)

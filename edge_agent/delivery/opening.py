"""From settings to a running outbox."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from edge_agent.backoff import Backoff
from edge_agent.delivery.broker import Broker
from edge_agent.delivery.brokers import Brokers, Connect
from edge_agent.delivery.connection import open_connection
from edge_agent.delivery.courier import Drain
from edge_agent.delivery.message import Message
from edge_agent.delivery.outbox import MqttOutbox
from edge_agent.delivery.payloads import BundleName
from edge_agent.delivery.presence import Presence, Process
from edge_agent.delivery.request import Subscription
from edge_agent.delivery.spool import Spool, SpoolLimits
from edge_agent.delivery.steady_clock import SteadyClock
from edge_agent.delivery.topics import Topics
from edge_agent.delivery.writer import Writer
from edge_agent.tracer import UNTRACED, Tracer

SPOOL_FILE = "spool.sqlite"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Delivery:
    """Everything that delivery needs to know."""

    topics: Topics
    broker: Broker
    spool_directory: Path
    spool_limits: SpoolLimits
    version: str
    bundle: BundleName
    announcements: tuple[Message, ...] = ()
    """Retained, and withdrawn by the first run that no longer has them."""
    fallbacks: tuple[Broker, ...] = ()
    """Used in this order while ``broker`` does not answer."""
    return_after_s: float = 300.0
    drain: Drain = "oldest"


def open_outbox(
    delivery: Delivery,
    clock: Callable[[], float] = time.monotonic,
    tracer: Tracer = UNTRACED,
    connect: Connect = open_connection,
    subscriptions: Sequence[Subscription] = (),
) -> MqttOutbox:
    """An outbox with its spool open, not started yet; ``connect`` opens a session with a last will, and
    ``subscriptions`` are heard in each.

    Raises ``SpoolError`` when the spool cannot be used.
    """
    spool_clock = SteadyClock(time.time, time.monotonic)
    spool = Spool(delivery.spool_directory / SPOOL_FILE, delivery.spool_limits, spool_clock)
    process = Process(delivery.version, read_boot_id(), _utc())
    return MqttOutbox(
        Writer(delivery.topics, delivery.bundle),
        Presence(delivery.topics, process, delivery.bundle, _utc),
        spool,
        Brokers((delivery.broker, *delivery.fallbacks), connect, clock, random.random, delivery.return_after_s),
        Backoff(random.random),
        clock,
        tracer,
        announcements=delivery.announcements,
        subscriptions=subscriptions,
        drain=delivery.drain,
    )


def read_boot_id(path: Path = _BOOT_ID) -> str:
    """The kernel's id of this boot; ``unknown`` where there is none."""
    try:
        return path.read_text().strip()
    except OSError:
        return "unknown"


def _utc() -> datetime:
    return datetime.now(timezone.utc)

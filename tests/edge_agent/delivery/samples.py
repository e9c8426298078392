"""Events and an outbox for the tests of delivery."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from edge_agent.delivery.broker import Broker
from edge_agent.delivery.courier import Drain
from edge_agent.delivery.message import Message
from edge_agent.delivery.opening import Delivery, open_outbox
from edge_agent.delivery.outbox import MqttOutbox
from edge_agent.delivery.payloads import BundleName
from edge_agent.delivery.request import Subscription
from edge_agent.delivery.spool import SpoolLimits
from edge_agent.delivery.topics import Topics
from edge_agent.events import CameraState, Health, IncidentEvent, Snapshot
from models.manifest import Thresholds

AT = datetime(2026, 3, 1, 22, 14, 7, 250_000, tzinfo=timezone.utc)
THRESHOLDS = Thresholds(wake=0.4, alert=0.7, clear=0.5)
TOPICS = Topics("school", "gate")
ROOT = TOPICS.root
JPEG = b"\xff\xd8\xff\xe0 not much of a picture \xff\xd9"


def incident(sequence: int = 0, camera: str = "yard", **changes: Any) -> IncidentEvent:
    values: dict[str, Any] = {
        "camera": camera,
        "incident": "0197f3a0-5f5e-7000-8000-000000000001",
        "sequence": sequence,
        "phase": "started" if sequence == 0 else "updated",
        "at": AT + timedelta(seconds=sequence),
        "started_at": AT,
        "ended_at": None,
        "source_time_s": 12.5 + sequence,
        "probability": 0.91,
        "peak": 0.95,
        "mean": 0.83,
        "snapshot": "snapshot-1",
        "thresholds": THRESHOLDS,
    }
    return IncidentEvent(**{**values, **changes})


def snapshot(camera: str = "yard") -> Snapshot:
    return Snapshot(camera, "0197f3a0-5f5e-7000-8000-000000000001", "snapshot-1", AT, JPEG)


def state(camera: str = "yard", **changes: Any) -> CameraState:
    values: dict[str, Any] = {"connection": "connected", "mode": "idle", "score": 0.1, "at": AT, "reason": None}
    return CameraState(camera, **{**values, **changes})


def health(**changes: Any) -> Health:
    values: dict[str, Any] = {
        "at": AT,
        "samples_per_s": 8.5,
        "queue": 1,
        "latency_p50_ms": 12.0,
        "latency_p99_ms": 40.5,
        "dropped": 0,
        "rate_share": 1.0,
        "memory_bytes": 180_000_000,
        "temperature_c": 51.5,
    }
    return Health(**{**values, **changes})


def make_outbox(
    port: int,
    directory: Path,
    topics: Topics = TOPICS,
    clock: Callable[[], float] = time.monotonic,
    announcements: tuple[Message, ...] = (),
    subscriptions: Sequence[Subscription] = (),
    *,
    fallbacks: Sequence[int] = (),
    drain: Drain = "oldest",
    **broker: Any,
) -> MqttOutbox:
    delivery = Delivery(
        topics,
        Broker("127.0.0.1", port, "nexara-school-gate", **broker),
        directory / "spool",
        SpoolLimits(10_000_000, 86_400),
        "0.1.0",
        BundleName(name="first", version="1.0.0"),
        announcements,
        tuple(Broker("127.0.0.1", fallback, "nexara-school-gate", **broker) for fallback in fallbacks),
        drain=drain,
    )
    return open_outbox(delivery, clock, subscriptions=subscriptions)

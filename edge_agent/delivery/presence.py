"""Whether the device is there: the retained status, and the last will that contradicts it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from edge_agent.delivery.message import Message
from edge_agent.delivery.payloads import BundleName, Status
from edge_agent.delivery.timestamp import rfc3339
from edge_agent.delivery.topics import Topics


@dataclass(frozen=True, slots=True)
class Process:
    """This run of the agent."""

    version: str
    boot_id: str
    started_at: datetime


class Presence:
    """Makes the status messages of one agent; safe to use from any thread."""

    def __init__(
        self, topics: Topics, process: Process, bundle: BundleName | None, utc: Callable[[], datetime]
    ) -> None:
        self._topics = topics
        self._process = process
        self._bundle = bundle
        self._utc = utc
        self._lock = threading.Lock()
        self._runtime: str | None = None

    def use_runtime(self, runtime: str) -> None:
        """Name the target that judges from now on."""
        with self._lock:
            self._runtime = runtime

    def use_bundle(self, bundle: BundleName) -> None:
        """Name the bundle that judges from now on."""
        with self._lock:
            self._bundle = bundle

    def message(self, state: Literal["online", "offline", "stopping"]) -> Message:
        """The retained status of this moment."""
        with self._lock:
            runtime, bundle = self._runtime, self._bundle
        status = Status(
            state=state,
            at=rfc3339(self._utc()),
            version=self._process.version,
            boot_id=self._process.boot_id,
            started_at=rfc3339(self._process.started_at),
            bundle=bundle,
            runtime=runtime,
        )
        return Message(self._topics.status, msgspec.json.encode(status), retain=True)

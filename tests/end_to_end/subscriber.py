"""A real ``mosquitto_sub``, and what it printed."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, NamedTuple

import msgspec

from edge_agent.delivery.payloads import PAYLOADS
from tests.edge_agent.delivery.contract import list_faults
from tests.edge_agent.delivery.heard import Heard as Received

# One line a message: topic, retained, QoS, content type, user properties, payload in hexadecimal.
_FORMAT = "%t\t%r\t%q\t%C\t%P\t%x"
_KINDS = {"status": "status", "health": "health", "state": "camera-state", "incident": "incident"}


class Heard(NamedTuple):
    """One message as ``mosquitto_sub`` shows it."""

    topic: str
    retained: bool
    qos: int
    content_type: str
    user_properties: str
    payload: bytes

    @property
    def received(self) -> Received:
        """The same as the contract takes it."""
        properties = dict(pair.split(":", 1) for pair in self.user_properties.split())
        return Received(self.topic, self.payload, self.qos, self.retained, self.content_type, properties)

    @property
    def document(self) -> dict[str, Any]:
        """The JSON payload, once it has passed the schema of its topic's last level, all fields there."""
        payload_type = PAYLOADS[_KINDS[self.topic.rpartition("/")[2]]]
        msgspec.json.decode(self.payload, type=payload_type)
        document: dict[str, Any] = msgspec.json.decode(self.payload)
        assert set(document) == set(payload_type.__struct_fields__)
        return document


class Subscriber(AbstractContextManager["Subscriber"]):
    """Runs ``mosquitto_sub`` with ``arguments`` and collects what it hears."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._changed = threading.Condition()
        self._heard: list[Heard] = []
        self._faults: list[str] = []
        self._process = subprocess.Popen(
            ["mosquitto_sub", "-V", "5", "-F", _FORMAT, *arguments], stdout=subprocess.PIPE, text=True
        )
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def until(self, enough: Callable[[list[Heard]], object], timeout_s: float = 40) -> list[Heard]:
        """Everything heard, once ``enough`` is true of it; the time only bounds a broken test."""
        with self._changed:
            heard = self._changed.wait_for(lambda: self._faults or enough(self._heard), timeout_s)
            assert self._faults == []
            assert heard, [(one.topic, one.payload[:300]) for one in self._heard]
            return list(self._heard)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            # It talks to the broker in its signal's handler, which may find it in the midst of doing so.
            self._process.kill()
        self._thread.join(10)
        assert self._faults == []

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            topic, retained, qos, content_type, properties, payload = line.rstrip("\n").split("\t")
            heard = Heard(topic, retained == "1", int(qos), content_type, properties, bytes.fromhex(payload))
            with self._changed:
                self._heard.append(heard)
                self._faults += list_faults(heard.received)
                self._changed.notify_all()


def of(heard: Sequence[Heard], level: str) -> list[Heard]:
    """Those whose topic ends with this level."""
    return [one for one in heard if one.topic.endswith(f"/{level}")]


def phases(heard: Sequence[Heard]) -> dict[str, list[str]]:
    """The phases of each incident, in the order in which they came."""
    told: dict[str, list[str]] = {}
    for one in of(heard, "incident"):
        told.setdefault(one.document["incident"], []).append(one.document["phase"])
    return told

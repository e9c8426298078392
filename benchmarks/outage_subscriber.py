"""Who hears all that a device tells of its incidents, and counts."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from benchmarks.site import SiteError

_SESSION_S = 86_400


@dataclass(slots=True)
class Subscriber:
    """Keeps a session with the broker over all of its restarts, and drops ids that it has seen, as consumers should.

    ``came_s`` is when each id first came, in the order of coming; ``ends`` has the ids of each incident's end.
    """

    port: int
    root: str
    deliveries: int = 0
    contradicted: int = 0
    """Deliveries of an id with another content than before."""
    came_s: dict[str, float] = field(default_factory=dict)
    ends: dict[str, set[str]] = field(default_factory=dict)
    began: set[str] = field(default_factory=set)
    _contents: dict[str, int] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _client: mqtt.Client | None = None

    def open(self) -> None:
        """Subscribe; raises ``SiteError``."""
        ready = threading.Event()
        client = mqtt.Client(CallbackAPIVersion.VERSION2, "subscriber", protocol=mqtt.MQTTv5)
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        session.SessionExpiryInterval = _SESSION_S
        client.reconnect_delay_set(1, 1)
        client.on_message = self._take
        client.on_subscribe = lambda *_: ready.set()
        client.connect("127.0.0.1", self.port, clean_start=False, properties=session)
        client.subscribe([(f"{self.root}/camera/+/incident", 1), (f"{self.root}/camera/+/snapshot", 1)])
        client.loop_start()
        self._client = client
        if not ready.wait(10):
            raise SiteError("the broker did not take the subscription within 10 s")

    def close(self) -> None:
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()

    def wait_for(self, ids: set[str], quiet_s: float) -> None:
        """Return once all ``ids`` have come, or nothing new has for ``quiet_s``."""
        with self._changed:
            while not ids <= self.came_s.keys():
                before = self.deliveries
                # Only what is heard notifies.
                if not self._changed.wait(quiet_s) and self.deliveries == before:
                    return

    def _take(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        with self._changed:
            self.deliveries += 1
            if message.topic.endswith("/snapshot"):
                id_ = dict(getattr(message.properties, "UserProperty", []))["id"]
            else:
                step = msgspec.json.decode(message.payload)
                id_ = step["id"]
                self.began.add(step["incident"])
                if step["phase"] == "ended":
                    self.ends.setdefault(step["incident"], set()).add(id_)
            self.came_s.setdefault(id_, time.monotonic())
            content = hash(bytes(message.payload))
            self.contradicted += self._contents.setdefault(id_, content) != content
            self._changed.notify_all()

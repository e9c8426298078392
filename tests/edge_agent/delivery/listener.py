"""A second MQTT client, which watches what a dashboard would see."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.edge_agent.delivery.contract import list_faults
from tests.edge_agent.delivery.heard import Heard


class Listener:
    """Subscribes to everything, keeps on reconnecting, and remembers what came, in order. A message that breaks the
    contract fails the test that hears it."""

    MARK = "tests/mark"

    def __init__(self, port: int, *, durable: bool = False, mqtt_version: int = 5, **credentials: str) -> None:
        """``mqtt_version`` is what the agent speaks: of 3 no properties are expected."""
        self._mqtt_version = mqtt_version
        self._changed = threading.Condition()
        self._heard: list[Heard] = []
        self._faults: list[str] = []
        self._subscribed = threading.Event()
        client_id = "durable-listener" if durable else ""
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv5)
        session = Properties(PacketTypes.CONNECT)
        session.SessionExpiryInterval = 3600 if durable else 0
        self._client.reconnect_delay_set(1, 1)
        if credentials:
            self._client.username_pw_set(**credentials)
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port, clean_start=not durable, properties=session)
        self._client.loop_start()
        assert self._subscribed.wait(10)

    def until(self, enough: Callable[[list[Heard]], bool], timeout_s: float = 60) -> list[Heard]:
        """Everything heard, once ``enough`` is true of it."""
        with self._changed:
            heard = self._changed.wait_for(lambda: self._faults or enough(self._heard), timeout_s)
            assert self._faults == [], self._faults
            assert heard, [one.topic for one in self._heard]
            return list(self._heard)

    def until_topic(self, suffix: str, number: int = 1) -> list[Heard]:
        """The messages of the topics that end so, once there are ``number`` of them."""
        self.until(lambda heard: sum(one.topic.endswith(suffix) for one in heard) >= number)
        with self._changed:
            return [one for one in self._heard if one.topic.endswith(suffix)]

    def mark(self) -> None:
        """Publish to ``MARK``, which is heard after all that the broker retained for this listener."""
        self._client.publish(self.MARK, b"", qos=1)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        assert self._faults == []

    def _on_message(self, _client: Any, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        properties = message.properties
        heard = Heard(
            message.topic,
            message.payload,
            message.qos,
            message.retain,
            getattr(properties, "ContentType", None),
            dict(getattr(properties, "UserProperty", [])),
        )
        with self._changed:
            self._heard.append(heard)
            self._faults += list_faults(heard, mqtt=self._mqtt_version)
            self._changed.notify_all()


def wait_for(condition: Callable[[], bool], what: str | Callable[[], str], timeout_s: float = 60) -> None:
    """Wait until a condition of another thread holds; ``what`` did not happen, as it is said then."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, what() if callable(what) else what
        time.sleep(0.01)

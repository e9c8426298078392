"""A client that asks, as an operator's tool does: MQTT 5, a response topic and correlation data."""

from __future__ import annotations

import json
import threading
import uuid
from datetime import datetime, timezone
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge_agent.commands.signature import sign

ROOT = "nexara/v1/school/gate"


def now() -> str:
    return datetime.now(timezone.utc).isoformat()


def write(arguments: Any = None, **changes: Any) -> bytes:
    """A request's payload; a change to ``None`` leaves the key out."""
    document = {"id": str(uuid.uuid4()), "issued_at": now(), "arguments": arguments or {}, **changes}
    return json.dumps({key: value for key, value in document.items() if value is not None}).encode()


class Asker:
    """Publishes requests and waits for their answers."""

    def __init__(self, port: int, answers: str = f"{ROOT}/answer/", root: str = ROOT, username: str = "") -> None:
        """``username`` is the password too."""
        self.username = username
        self._root = root
        self._answers = f"{answers}{uuid.uuid4().hex}"
        self._changed = threading.Condition()
        self._heard: dict[bytes, dict[str, Any]] = {}
        ready = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.on_message = self._on_message
        if username:
            self._client.username_pw_set(username, username)
        self._client.connect("127.0.0.1", port)
        self._client.subscribe(self._answers, qos=1)
        self._client.loop_start()
        assert ready.wait(10)

    def send(
        self, name: str, payload: bytes, *, retain: bool = False, response_topic: str | None = "", key: bytes = b""
    ) -> bytes:
        """Publish a request and return its correlation data; an empty ``response_topic`` is the asker's own."""
        topic = f"{self._root}/command/{name}"
        properties = Properties(PacketTypes.PUBLISH)
        correlation = uuid.uuid4().bytes
        properties.CorrelationData = correlation
        if response_topic is not None:
            properties.ResponseTopic = response_topic or self._answers
        if key:
            properties.UserProperty = [("signature", sign(key, topic, payload))]
        self._client.publish(topic, payload, qos=1, retain=retain, properties=properties).wait_for_publish(10)
        return correlation

    def answer(self, correlation: bytes) -> dict[str, Any]:
        """The answer with this correlation data, once it is there."""
        with self._changed:
            assert self._changed.wait_for(lambda: correlation in self._heard, 60), "no answer"
            return self._heard[correlation]

    def ask(self, name: str, arguments: Any = None, key: bytes = b"", **changes: Any) -> dict[str, Any]:
        """Have a command done, and its answer."""
        return self.answer(self.send(name, write(arguments, **changes), key=key))

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _client: Any, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        with self._changed:
            self._heard[message.properties.CorrelationData] = json.loads(message.payload)
            self._changed.notify_all()

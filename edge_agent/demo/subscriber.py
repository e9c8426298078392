"""A second MQTT client: what an operator's dashboard would receive, over a connection of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge_agent.demo.broker import Address
from edge_agent.demo.errors import DemoError

SUBSCRIBE_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Message:
    """One message as the subscriber received it; ``received_s`` is on the clock that the subscriber was given."""

    topic: str
    payload: bytes
    retained: bool
    received_s: float


@contextmanager
def subscribe(address: Address, topic_filter: str, clock: Callable[[], float]) -> Iterator[queue.SimpleQueue[Message]]:
    """Subscribe to ``topic_filter`` (QoS 1) while the context is open; messages wait in the queue it gives.

    Raises ``DemoError`` when there is no broker at ``address`` or it does not confirm the subscription.
    """
    messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
    subscribed = threading.Event()

    def received(_client: Client, _data: object, message: MQTTMessage) -> None:
        messages.put(Message(message.topic, bytes(message.payload), message.retain, clock()))

    # The embedded broker speaks MQTT 3.1.1, and a subscriber needs nothing newer.
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311)
    client.on_connect = lambda client, *_: client.subscribe(topic_filter, qos=1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = received
    try:
        client.connect(*address)
    except OSError as error:
        raise DemoError(f"no broker at {address.host}:{address.port}: {error}; start one there") from error
    client.loop_start()
    try:
        if not subscribed.wait(SUBSCRIBE_LIMIT_S):
            raise DemoError(f"the broker did not confirm the subscription to {topic_filter} in {SUBSCRIBE_LIMIT_S:g} s")
        yield messages
    finally:
        client.disconnect()
        client.loop_stop()

"""The embedded broker and the separate subscriber, over real sockets."""

from __future__ import annotations

import queue
import socket
import time

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from edge_agent.demo.broker import Address, embedded_broker
from edge_agent.demo.errors import DemoError
from edge_agent.demo.subscriber import subscribe
from tests.ports import free_port


def publish(broker: Address, topic: str, payload: bytes, retain: bool = False) -> None:
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect(*broker)
    client.loop_start()
    client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(5)
    client.disconnect()
    client.loop_stop()


def assert_closed(address: Address) -> None:
    with pytest.raises(ConnectionRefusedError), socket.create_connection(address, timeout=2):
        pass


def test_subscriber_receives_exactly_its_topics_when_another_client_publishes() -> None:
    with embedded_broker() as broker, subscribe(broker, "site/#", lambda: 42.0) as messages:
        publish(broker, "elsewhere/x", b"no")
        publish(broker, "site/camera/gate", b"\x00\xffyes")
        message = messages.get(timeout=5)
        with pytest.raises(queue.Empty):
            messages.get(timeout=0.2)
    assert (message.topic, message.payload, message.received_s) == ("site/camera/gate", b"\x00\xffyes", 42.0)
    assert not message.retained


def test_subscriber_receives_retained_state_when_it_comes_later() -> None:
    with embedded_broker() as broker:
        publish(broker, "site/status", b"online", retain=True)
        with subscribe(broker, "site/#", time.monotonic) as messages:
            message = messages.get(timeout=5)
    assert message.payload == b"online"
    assert message.retained


def test_brokers_take_different_ports_and_free_them_when_closed() -> None:
    with embedded_broker() as one, embedded_broker() as other:
        assert one.port != other.port
    assert_closed(one)
    assert_closed(other)


def test_broker_closes_when_a_client_is_still_connected() -> None:
    with embedded_broker() as broker:
        client = Client(CallbackAPIVersion.VERSION2)
        client.connect(*broker)
        client.loop_start()
    client.loop_stop()
    assert_closed(broker)


def test_subscriber_says_where_when_there_is_no_broker() -> None:
    address = Address("127.0.0.1", free_port())
    with pytest.raises(DemoError, match=f"no broker at 127.0.0.1:{address.port}"), subscribe(address, "#", time.time):
        pass

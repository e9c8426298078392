"""Requests and answers between a real broker and an outbox."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from paho.mqtt import publish

from edge_agent.commands.inbox import Inbox
from edge_agent.commands.options import CommandOptions
from edge_agent.commands.serving import CommandRoom
from edge_agent.delivery.broker import Broker
from edge_agent.delivery.message import Message
from edge_agent.delivery.replies import MOST_WAITING, Replies
from edge_agent.delivery.request import Subscription
from tests.edge_agent.commands.asking import Asker, write
from tests.edge_agent.delivery.conftest import OpenListener, OpenOutbox
from tests.edge_agent.delivery.listener import wait_for
from tests.edge_agent.delivery.mosquitto import Mosquitto
from tests.edge_agent.delivery.samples import TOPICS, make_outbox, state

SUBSCRIBED = "nexara/v1/school/gate/command/+ (QoS 1)"

ANSWER = (
    b'{"id":"1","command":"ping","at":"2026-03-01T22:14:07.250Z","ok":false,"result":null,'
    b'"error":{"kind":"failed","text":"no camera answers"}}'
)


def test_requests_are_heard_again_after_the_broker_was_away(
    broker: Mosquitto, deliver: OpenOutbox, listen: OpenListener
) -> None:
    inbox = Inbox()
    outbox = deliver(broker.port, subscriptions=[Subscription(TOPICS.commands, inbox.put)])
    wait_for(lambda: broker.has_logged(SUBSCRIBED), "not subscribed")
    broker.kill()
    wait_for(lambda: not outbox.connected, "still connected")
    (broker.directory / "mosquitto.log").unlink()
    broker.start()
    wait_for(lambda: broker.has_logged(SUBSCRIBED), "not subscribed again")
    asker = Asker(broker.port)
    asker.send("ping", write(id="later"))
    request = inbox.take(30)
    asker.close()
    assert request is not None
    assert b'"later"' in request.payload
    listen(broker.port).until_topic("/status")


def test_each_session_is_told_of_before_what_is_retained_is_heard_in_it(broker: Mosquitto, deliver: OpenOutbox) -> None:
    heard: list[bytes] = []
    topic = TOPICS.desired_bundle
    publish.single(topic, b"wanted", qos=1, retain=True, port=broker.port)
    subscription = Subscription(
        topic, lambda request: heard.append(request.payload), begin=lambda: heard.append(b"begin")
    )
    deliver(broker.port, subscriptions=[subscription])
    wait_for(lambda: len(heard) == 2, "not heard")
    broker.kill()
    broker.start()
    wait_for(lambda: heard.count(b"begin") == 2, "no session again")
    assert heard[:2] == [b"begin", b"wanted"]


def test_packet_above_the_limit_never_reaches_the_device_and_the_session_goes_on(
    broker: Mosquitto, deliver: OpenOutbox
) -> None:
    inbox = Inbox()
    deliver(broker.port, subscriptions=[Subscription(TOPICS.commands, inbox.put)])
    wait_for(lambda: broker.has_logged(SUBSCRIBED), "not subscribed")
    asker = Asker(broker.port)
    asker.send("ping", write(x="a" * 200_000))
    asker.send("ping", write(id="small"))
    request = inbox.take(30)
    asker.close()
    assert request is not None
    assert b'"small"' in request.payload


def test_answer_that_the_broker_would_not_take_is_left_out_and_the_session_goes_on(
    tmp_path: Path, listen: OpenListener, caplog: pytest.LogCaptureFixture
) -> None:
    broker = Mosquitto(tmp_path, ("allow_anonymous true", "max_packet_size 2000")).start()
    try:
        listener, outbox = listen(broker.port), make_outbox(broker.port, tmp_path)
        outbox.start()
        outbox.answer(Message(f"{TOPICS.answers}x", b"a" * 3000))
        outbox.answer(Message(f"{TOPICS.answers}y", ANSWER))
        outbox.camera_state(state())
        heard = listener.until_topic("/answer/y")
        listener.until_topic("/state")
        outbox.close()
    finally:
        broker.stop()
    assert heard[0].payload == ANSWER
    assert "answer on nexara/v1/school/gate/answer/x not sent: " in caplog.text


def test_refused_subscription_is_told_and_all_else_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    # Mosquitto's ACL files leave subscriptions be; this plugin of its does not.
    found = sorted(Path("/usr/lib").glob("*/mosquitto_dynamic_security.so"))
    if not found:
        pytest.skip("no mosquitto_dynamic_security.so here; it comes with the Debian package mosquitto")
    access = {"publishClientSend": True, "publishClientReceive": True, "subscribe": False, "unsubscribe": True}
    rules = {"defaultACLAccess": access, "clients": [], "groups": [], "roles": []}
    (tmp_path / "security.json").write_text(json.dumps(rules))
    lines = ("allow_anonymous true", f"plugin {found[0]}", f"plugin_opt_config_file {tmp_path}/security.json")
    broker = Mosquitto(tmp_path, lines).start()
    try:
        outbox = make_outbox(
            broker.port, tmp_path, subscriptions=[Subscription(TOPICS.commands, lambda _request: None)]
        )
        outbox.start()
        wait_for(lambda: "the broker refused to let us hear nexara/v1/school/gate/command/+" in caplog.text, "not told")
        outbox.camera_state(state())
        wait_for(lambda: broker.has_logged("nexara/v1/school/gate/camera/yard/state"), "nothing published")
        outbox.close()
    finally:
        broker.stop()


def test_replies_are_bounded_and_leave_oldest_first() -> None:
    replies = Replies()
    for number in range(MOST_WAITING + 2):
        replies.put(Message("answer", str(number).encode()))
    assert [one.payload for one in replies.take(2)] == [b"2", b"3"]
    assert len(replies.take(1000)) == MOST_WAITING - 2
    assert replies.empty


def test_no_commands_are_taken_where_the_broker_speaks_mqtt_3(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    room = CommandRoom(CommandOptions(TOPICS, TOPICS.answers, frozenset({"ping"})), tmp_path)
    assert room.subscription(Broker("127.0.0.1", 1883, "gate", protocol="3.1.1")) is None
    assert caplog.text.count("no commands are taken: they need MQTT 5") == 1
    assert room.subscription(Broker("127.0.0.1", 1883, "gate")) is not None

"""One MQTT 5 session: all of paho that the house knows.

paho keeps nothing on disk, reconnects by its own mind and shows a refused publish only as a reason code; here it serves
one session and is thrown away with it, so that the spool and the courier own what survives.
"""

from __future__ import annotations

import logging
import select
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt import MQTTException
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge_agent.delivery.broker import Broker
from edge_agent.delivery.connection_faults import explain
from edge_agent.delivery.errors import BrokerRefusedError, BrokerUnreachableError
from edge_agent.delivery.message import Message
from edge_agent.delivery.request import Request, Subscription
from edge_agent.delivery.wakeup import Wakeup

log = logging.getLogger(__name__)

MOST_IN_FLIGHT = 16
"""Enough to fill a slow link's round trip with incidents, few enough to send again after a cut."""
_LONGEST_SLEEP_S = 1.0
PROTOCOLS = {"5": mqtt.MQTTv5, "3.1.1": mqtt.MQTTv311}
_GOODBYE_S = 1.0
MOST_RECEIVED_BYTES = 131_072
"""The broker keeps a larger packet from us: whoever may publish to us must not be able to fill our memory."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The broker's answer to one publish; ``code`` is 0x80 or more when it refused."""

    ticket: int
    code: int
    reason: str

    @property
    def refused(self) -> bool:
        return self.code >= 0x80  # noqa: PLR2004 MQTT 5, section 2.4


class Connection:
    """An open session, used by one thread; opened by ``open_connection``."""

    def __init__(self, client: mqtt.Client, clock: Callable[[], float], message_expiry_s: int | None = None) -> None:
        self._client = client
        self._message_expiry_s = message_expiry_s
        self._clock = clock
        self._accepted: Properties | None = None
        self._refused: ReasonCode | None = None
        self._ended: str | None = None
        self._fault: str | None = None
        self._answers: list[Acknowledgement] = []
        self._subscriptions: dict[int | None, Subscription] = {}
        self._hear_all: Callable[[Request], None] | None = None
        self._unanswered: dict[int | None, tuple[str, ...]] = {}
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_log = self._on_log
        client.on_socket_close = self._on_socket_close

    @property
    def alive(self) -> bool:
        return self._ended is None

    @property
    def ended(self) -> str:
        """Why the session is over."""
        return self._ended or "still open"

    @property
    def window(self) -> int:
        """How many publishes may await their acknowledgement at one time."""
        return min(MOST_IN_FLIGHT, int(getattr(self._accepted, "ReceiveMaximum", MOST_IN_FLIGHT)))

    @property
    def max_packet_bytes(self) -> int | None:
        """The largest packet that the broker takes, if it said so; sending a larger one ends the session."""
        largest = getattr(self._accepted, "MaximumPacketSize", None)
        return None if largest is None else int(largest)

    def publish(self, message: Message) -> int:
        """Send a message and return the ticket that its acknowledgement will bear; raises ``ValueError`` for a topic
        that MQTT does not allow."""
        if not message.topic or "\0" in message.topic:
            # paho would send it, and the broker end the session.
            raise ValueError("found no topic, or one with a NUL in it")
        properties = properties_of(message, PacketTypes.PUBLISH)
        if self._message_expiry_s is not None and not message.retain:
            properties.MessageExpiryInterval = self._message_expiry_s
        info = self._client.publish(message.topic, message.payload, message.qos, message.retain, properties)
        return info.mid

    def subscribe(self, subscription: Subscription) -> None:
        """Hear these topics from now on; several subscriptions must have none in common. What is retained there is
        heard too, and known for that."""
        self._subscriptions[self._ask((subscription.topics,))] = subscription

    def hear(self, filters: Sequence[str], receive: Callable[[Request], None]) -> None:
        """Hear many topics, asked for in one packet; ``receive`` is told of whatever comes in this session, since to
        look for each message's filter among thousands takes longer than to read it."""
        self._hear_all = receive
        self._ask(filters)

    @property
    def subscribing(self) -> bool:
        """Whether the broker has yet to answer a subscription."""
        return bool(self._unanswered)

    def _ask(self, filters: Sequence[str]) -> int | None:
        # Without it a retained message that comes while we listen would look like any other.
        options = SubscribeOptions(qos=1, retainAsPublished=True)
        _, number = self._client.subscribe([(topics, options) for topics in filters])
        self._unanswered[number] = tuple(filters)
        return number

    def step(self, timeout_s: float, wakeup: Wakeup | None = None) -> list[Acknowledgement]:
        """Wait for the network, the wakeup or the time, do what is due, and return what the broker answered."""
        sock = self._client.socket()
        if sock is None:
            self._ended = self._ended or self._fault or "connection lost"
            return self._take_answers()
        # TLS, also that below a WebSocket, may hold bytes of which the socket knows nothing any more.
        pending = hasattr(sock, "pending") and sock.pending() > 0
        readers: list[Any] = [sock] if wakeup is None else [sock, wakeup]
        writers = [sock] if self._client.want_write() else []
        patience = 0.0 if pending else max(0.0, min(timeout_s, _LONGEST_SLEEP_S))
        readable, writable, _ = select.select(readers, writers, [], patience)
        if wakeup is not None and wakeup in readable:
            wakeup.drain()
        if pending or sock in readable:
            self._read()
        if writable:
            self._client.loop_write()
        self._client.loop_misc()
        return self._take_answers()

    def await_acceptance(self, timeout_s: float) -> None:
        """Wait for CONNACK; raises ``BrokerRefusedError`` or ``BrokerUnreachableError``."""
        deadline = self._clock() + timeout_s
        while self._accepted is None:
            if self._refused is not None:
                raise BrokerRefusedError(f"refused: {self._refused} (reason code 0x{self._refused.value:02x})")
            if not self.alive:
                raise BrokerUnreachableError(f"closed before it accepted: {self._ended}")
            left = deadline - self._clock()
            if left <= 0:
                raise BrokerUnreachableError(f"no answer to CONNECT within {timeout_s:g} s; is it an MQTT broker?")
            self.step(left)

    def close(self) -> None:
        """Say goodbye, so that the last will is not published, and close the socket."""
        self._client.disconnect()
        # The broker closes first: closing on unread input would reset the connection and might lose the goodbye.
        deadline = self._clock() + _GOODBYE_S
        while self.alive and self._clock() < deadline:
            self.step(deadline - self._clock())
        self.abandon()

    def abandon(self) -> None:
        """Close the socket without a goodbye; the broker then publishes the last will."""
        sock = self._client.socket()
        if sock is not None:
            sock.close()
        self._ended = self._ended or "abandoned"

    def _read(self) -> None:
        try:
            self._client.loop_read()
        except (ValueError, LookupError, TypeError, struct.error, MQTTException) as error:
            self._ended = f"the broker sent what is not MQTT 5: {error!r}"

    def _take_answers(self) -> list[Acknowledgement]:
        answers, self._answers = self._answers, []
        return answers

    def _on_connect(
        self, _client: mqtt.Client, _userdata: object, _flags: object, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._refused = reason
        else:
            self._accepted = properties or _no_properties(PacketTypes.CONNACK)

    def _on_publish(
        self, _client: mqtt.Client, _userdata: object, mid: int, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        self._answers.append(Acknowledgement(mid, reason.value, str(reason)))

    def _on_subscribe(
        self, _client: mqtt.Client, _userdata: object, mid: int, reasons: list[ReasonCode], _properties: object
    ) -> None:
        for topics, reason in zip(self._unanswered.pop(mid, ()), reasons, strict=False):
            if reason.is_failure:
                log.error(
                    "the broker refused to let us hear %s: %s (reason code 0x%02x); nothing arrives there; check the"
                    " broker's ACL for this user",
                    topics, reason, reason.value,
                )  # fmt: skip

    def _on_message(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        properties = message.properties
        request = Request(
            topic=message.topic,
            payload=bytes(message.payload),
            retained=message.retain,
            response_topic=getattr(properties, "ResponseTopic", None),
            correlation=getattr(properties, "CorrelationData", None),
            user_properties=tuple(getattr(properties, "UserProperty", ())),
        )
        if self._hear_all is not None:
            self._hear_all(request)
        for subscription in self._subscriptions.values():
            if mqtt.topic_matches_sub(subscription.topics, message.topic):
                subscription.receive(request)

    def _on_disconnect(
        self, _client: mqtt.Client, _userdata: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        # The reason is "unspecified" when the network or TLS broke, and what broke stands in the log alone.
        self._ended = self._fault or str(reason)

    def _on_socket_close(self, _client: mqtt.Client, _userdata: object, sock: Any) -> None:  # noqa: ANN401 of paho
        """A broker that does not take our certificate says so and hangs up; a write that fails then hides it."""
        if self._accepted is None and hasattr(sock, "pending"):
            try:
                sock.recv(1)
            except OSError as error:
                if "alert" in str(error):
                    self._fault = str(error)

    def _on_log(self, _client: mqtt.Client, _userdata: object, level: int, text: str) -> None:
        if level == mqtt.MQTT_LOG_ERR:
            # It says so of sending, too.
            self._fault = text.removeprefix("failed to receive on socket: ")


def open_connection(
    broker: Broker, will: Message | None = None, clock: Callable[[], float] = time.monotonic
) -> Connection:
    """Connect and wait until the broker has accepted us.

    Raises ``BrokerUnreachableError`` when the network, TLS or time does not allow it, and ``BrokerRefusedError`` when
    the broker says no; both name the broker, the cause and what to look at.
    """
    protocol = PROTOCOLS[broker.protocol]
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        broker.client_id,
        protocol=protocol,
        transport=broker.transport,
        reconnect_on_failure=False,
    )
    client.connect_timeout = broker.connect_timeout_s
    if broker.transport == "websockets":
        client.ws_set_options(path=broker.path)
    if broker.username is not None:
        client.username_pw_set(broker.username, broker.password)
    if broker.tls is not None:
        client.tls_set_context(broker.tls.context())
    if will is not None:
        client.will_set(will.topic, will.payload, will.qos, will.retain, properties_of(will, PacketTypes.WILLMESSAGE))
    connection = Connection(client, clock, broker.message_expiry_s)
    try:
        # MQTT 3.1.1 says it when the client is made, where clean is paho's default.
        clean = True if protocol == mqtt.MQTTv5 else mqtt.MQTT_CLEAN_START_FIRST_ONLY
        limits = _limits() if protocol == mqtt.MQTTv5 else None
        client.connect(broker.host, broker.port, broker.keepalive_s, clean_start=clean, properties=limits)
        connection.await_acceptance(broker.connect_timeout_s)
    except BrokerRefusedError as error:
        connection.abandon()
        raise BrokerRefusedError(f"broker {broker.address}: {error}; check [mqtt] username and password") from error
    # UnicodeError: a host that can be no name, such as one with an empty label.
    except (OSError, UnicodeError, BrokerUnreachableError) as error:
        connection.abandon()
        raise BrokerUnreachableError(f"broker {broker.address}: {explain(error, broker)}") from error
    return connection


def properties_of(message: Message, kind: int) -> Properties:
    """What travels beside a message in MQTT 5, in a packet of this kind."""
    properties = _no_properties(kind)
    properties.ContentType = message.content_type
    if message.correlation is not None:
        properties.CorrelationData = message.correlation
    if message.response_topic is not None:
        properties.ResponseTopic = message.response_topic
    if message.user_properties:
        properties.UserProperty = list(message.user_properties)
    return properties


def _limits() -> Properties:
    properties = _no_properties(PacketTypes.CONNECT)
    properties.MaximumPacketSize = MOST_RECEIVED_BYTES
    return properties


def _no_properties(kind: int) -> Properties:
    return Properties(kind)  # type: ignore[no-untyped-call]  # paho leaves its constructor untyped

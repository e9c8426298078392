"""Devices as the broker sees them, played by one client: the agent's own messages, and its own clerk for commands."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes

from edge_agent.commands.clerk import Act, Clerk
from edge_agent.commands.figures import CommandTally
from edge_agent.commands.forms import FORMS
from edge_agent.commands.gate import Gate
from edge_agent.commands.inbox import Inbox
from edge_agent.commands.name import CommandName
from edge_agent.commands.options import CommandOptions, Signer
from edge_agent.commands.restart import RestartResult
from edge_agent.commands.seen_ids import SeenIds
from edge_agent.delivery.connection import properties_of
from edge_agent.delivery.message import Message
from edge_agent.delivery.payloads import (
    BundleFile,
    BundleName,
    BundleStatus,
    DesiredBundle,
    DesiredName,
    SpoolHealth,
    UpdateState,
)
from edge_agent.delivery.presence import Presence, Process
from edge_agent.delivery.request import Request
from edge_agent.delivery.writer import Writer
from edge_agent.state_file import StateFile
from fleet.devices.name import DeviceName, split_topic
from tests.edge_agent.delivery.samples import health, state

AT = datetime(2026, 3, 1, 22, 14, 7, tzinfo=timezone.utc)
BUNDLE = BundleName(name="violence", version="1.0.0")
OLD, NEW = "0" * 64, "a" * 64
SPOOL = SpoolHealth(
    messages=2, bytes=100, refused=0, dropped_by_age=0, dropped_by_size=0, dropped_unwritten=0, blocked_topics=()
)


class Player:
    """One device: what it says, what it was told to do, and which bundle it has."""

    def __init__(
        self, name: DeviceName, say: Callable[[Message], None], folder: Path, signers: dict[str, Signer]
    ) -> None:
        self.name = name
        self.done: list[tuple[str, Any]] = []
        self.desired: list[DesiredBundle | None] = []
        self.verdict: Callable[[DesiredBundle], UpdateState | None] = lambda _desired: "kept"
        self.current = OLD
        self.mute = False
        self.listens: bool | None = True
        self._say = say
        self._presence = Presence(name.topics, Process("0.1.0", "boot", AT), BUNDLE, lambda: AT)
        self._presence.use_runtime("tflite-int8")
        self._writer = Writer(name.topics, BUNDLE)
        acts: dict[CommandName, Act] = {command: self._act(command) for command in FORMS}
        options = CommandOptions(name.topics, name.topics.answers, frozenset(FORMS), signers)
        gate = Gate(options, SeenIds(60, StateFile(folder / str(name) / "seen.json")))
        self._clerk = Clerk(
            Inbox(), gate, acts, options, say, CommandTally(),
            clock=lambda: 0.0, utc=lambda: datetime.now(timezone.utc),
        )  # fmt: skip

    def join(self, cameras: Iterable[str] = ("yard", "door"), **camera: Any) -> None:
        self.tell("online")
        for one in cameras:
            self._say(self._writer.camera_state(state(one, **camera)))
        self.tell_bundle("settled", None)

    def tell(self, presence: Any) -> None:
        self._say(self._presence.message(presence))

    def tell_health(self, **changes: Any) -> None:
        self._say(self._writer.health(health(**changes), SPOOL))

    def tell_bundle(self, bundle_state: UpdateState, desired: DesiredBundle | None, reason: str = "") -> None:
        status = BundleStatus(
            at="2026-03-01T22:14:07.000Z",
            current=BundleFile(name="violence", version="1.0.0", sha256=self.current),
            trial=bundle_state == "trial",
            desired=None if desired is None else DesiredName(id=desired.id, sha256=desired.sha256),
            state=bundle_state,
            progress=None,
            reason=reason,
            listens=self.listens,
        )
        self._say(Message(self.name.topics.bundle, msgspec.json.encode(status), retain=True))

    def hear(self, levels: tuple[str, ...], request: Request) -> None:
        if levels[0] == "command" and not self.mute:
            self._clerk.serve(request)
        elif levels[0] == "desired":
            self._want(msgspec.json.decode(request.payload, type=DesiredBundle) if request.payload else None)

    def _want(self, desired: DesiredBundle | None) -> None:
        self.desired.append(desired)
        if desired is None:
            self.tell_bundle("settled", None)
            return
        if desired.sha256 == self.current:
            self.tell_bundle("settled", desired)
            return
        self.tell_bundle("fetching", desired)
        verdict = self.verdict(desired)
        if verdict in {"kept", "settled"}:
            self.current = desired.sha256
        if verdict is not None:
            self.tell_bundle(verdict, desired, "as played")

    def _act(self, command: str) -> Act:
        def do(arguments: Any, _request: object) -> msgspec.Struct:
            self.done.append((command, arguments))
            return RestartResult(ran_s=1.0)

        return do


class Players:
    """All of them, on one session with the broker; each is a player by its name."""

    def __init__(
        self,
        port: int,
        names: Iterable[str],
        folder: Path,
        signers: dict[str, Signer] | None = None,
        username: str = "",
    ) -> None:
        self.heard: list[Request] = []
        self._changed = threading.Condition()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.max_inflight_messages_set(2000)
        if username:
            self._client.username_pw_set(username, username)
        listed = [DeviceName(*name.split("/")) for name in names]
        self.all = {str(name): Player(name, self.say, folder, signers or {}) for name in listed}
        self.sessions = 0
        subscribed = threading.Event()

        def note(*_: object) -> None:
            self.sessions += 1
            subscribed.set()

        self._client.on_message = self._on_message
        self._client.on_subscribe = note
        self._client.reconnect_delay_set(1, 1)
        topics = [("nexara/v1/+/+/command/+", 1), ("nexara/v1/+/+/desired/bundle", 1)]
        self._client.on_connect = lambda client, *_: client.subscribe(topics)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert subscribed.wait(10)

    def __getitem__(self, name: str) -> Player:
        return self.all[name]

    def say(self, message: Message) -> None:
        self._published = self._client.publish(
            message.topic, message.payload, message.qos, message.retain, properties_of(message, PacketTypes.PUBLISH)
        )

    def join(self) -> None:
        """Have all say that they are there, and return once the broker has it."""
        for player in self.all.values():
            player.join()
        self.flush()

    def flush(self) -> None:
        """Return once the broker has taken what was said last."""
        self._published.wait_for_publish(30)

    def until(self, condition: Callable[[], bool]) -> None:
        """Return once a condition holds that only what is heard can change."""
        with self._changed:
            assert self._changed.wait_for(condition, 60), [request.topic for request in self.heard]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        found = split_topic(message.topic)
        heard = message.properties
        request = Request(
            message.topic,
            bytes(message.payload),
            bool(message.retain),
            getattr(heard, "ResponseTopic", None),
            getattr(heard, "CorrelationData", None),
            tuple(getattr(heard, "UserProperty", ())),
        )
        with self._changed:
            self.heard.append(request)
            player = None if found is None else self.all.get(str(found[0]))
            if player is not None and found is not None:
                player.hear(found[1], request)
            self._changed.notify_all()

"""A bundle that a retained topic says a device should have: real processes, a real broker, a real HTTPS server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge_agent.bundles.record import current
from edge_agent.bundles.shelf import Shelf
from edge_agent.commands.signature import sign
from models.bundle import pack
from tests.edge_agent.bundles.bundle_store import BundleStore, bundle_store, desire
from tests.edge_agent.commands.agent_process import AgentProcess
from tests.edge_agent.commands.asking import ROOT, Asker
from tests.edge_agent.delivery.listener import Heard, Listener
from tests.edge_agent.delivery.mosquitto import Mosquitto, make_private_ca

TOPIC = f"{ROOT}/desired/bundle"
KEY = "sixteen or more bytes"
MORE = """
[commands]
restart_after_s = 0
allow = ["ping", "update", "rollback"]
[updates]
directory = "bundles"
ca = "{ca}"
window_s = {window_s}
desired = true
"""
OPERATOR = """
[[commands.operator]]
name = "ana"
key = "file:{key}"
"""


class Rollout:
    """Says what a device should have, and hears what becomes of it."""

    def __init__(self, port: int) -> None:
        self.listener = Listener(port)
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def desire(self, payload: bytes, **properties: str) -> None:
        sent = Properties(PacketTypes.PUBLISH)
        sent.UserProperty = list(properties.items())
        self._client.publish(TOPIC, payload, qos=1, retain=True, properties=sent).wait_for_publish(10)

    def until(self, id_: str | None, state: str) -> dict[str, Any]:
        """The last status, once it is in that state for that desire."""

        def told(heard: list[Heard]) -> bool:
            status = statuses(heard)[-1:]
            return any((one["desired"] or {"id": None})["id"] == id_ and one["state"] == state for one in status)

        return statuses(self.listener.until(told, 60))[-1]

    def on_trial(self, id_: str) -> None:
        """Wait until what it desires judges, on trial."""
        self.listener.until(lambda heard: statuses(heard)[-1]["trial"] and statuses(heard)[-1]["desired"]["id"] == id_)

    def states(self) -> list[str]:
        """All that were told, one after another."""
        return [one["state"] for one in statuses(self.listener.until(lambda _heard: True))]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self.listener.close()


def statuses(heard: list[Heard]) -> list[dict[str, Any]]:
    return [json.loads(one.payload) for one in heard if one.topic == f"{ROOT}/bundle"]


@pytest.fixture
def rollout(broker: Mosquitto) -> Iterator[Rollout]:
    rollout = Rollout(broker.port)
    yield rollout
    rollout.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[BundleStore]:
    (tmp_path / "ca").mkdir()
    with bundle_store(make_private_ca(tmp_path / "ca")) as found:
        yield found


@pytest.fixture
def start(
    broker: Mosquitto, tmp_path: Path, tiny_bundle_directory: Path, key_folder: Path, store: BundleStore
) -> Iterator[Callable[..., AgentProcess]]:
    agents: list[AgentProcess] = []

    def make(window_s: float = 1, more: str = "") -> AgentProcess:
        table = MORE.format(ca=store.ca, window_s=window_s)
        head, _, tail = table.partition("[updates]")
        text = f"{head}{more}[updates]{tail}"
        agents.append(AgentProcess(tmp_path, broker.port, tiny_bundle_directory, key_folder / "public.pem", text))
        return agents[-1]

    yield make
    for agent in agents:
        agent.stop()


def test_a_device_comes_to_have_what_is_desired_and_tells_each_state(
    rollout: Rollout, start: Callable[..., AgentProcess], store: BundleStore, tmp_path: Path,
    tiny_bundle_directory: Path,
) -> None:  # fmt: skip
    found = store.put(pack(tiny_bundle_directory, tmp_path / "other.nexara"))
    agent, shelf = start(), Shelf(tmp_path / "bundles")
    agent.start(rollout.listener)
    first = rollout.until(None, "settled")
    assert (first["current"]["sha256"], first["trial"]) == (None, False)
    rollout.desire(desire("wave-1", found))
    kept = rollout.until("wave-1", "kept")
    assert (kept["current"]["sha256"], kept["desired"]["sha256"]) == (found["sha256"], found["sha256"])
    states = rollout.states()
    assert current(shelf.read()) == found["sha256"]
    assert [state for state in ("settled", "fetching", "verifying", "trial", "kept") if state not in states] == []
    # It is a state: heard again in each session, it changes nothing more.
    agent.stop()
    agent.start(rollout.listener)
    rollout.until("wave-1", "kept")
    agent.stop()
    assert store.asked == ["other.nexara"]


def test_only_what_an_operator_signed_is_taken_and_nothing_older_than_the_last(
    rollout: Rollout, start: Callable[..., AgentProcess], store: BundleStore, tmp_path: Path,
    tiny_bundle_directory: Path,
) -> None:  # fmt: skip
    found = store.put(pack(tiny_bundle_directory, tmp_path / "other.nexara"))
    (tmp_path / "ana.key").write_text(KEY)
    (tmp_path / "ana.key").chmod(0o600)
    agent = start(more=OPERATOR.format(key=tmp_path / "ana.key"))
    agent.start(rollout.listener)

    def signed(payload: bytes) -> dict[str, str]:
        return {"operator": "ana", "signature": sign(KEY.encode(), TOPIC, payload)}

    payload = desire("wave-1", found)
    rollout.desire(payload)
    assert "signed" in rollout.until("wave-1", "refused")["reason"]
    rollout.desire(payload, operator="ana", signature="0" * 64)
    rollout.listener.until(lambda heard: "not that of operator" in statuses(heard)[-1]["reason"])
    rollout.desire(b"{")
    rollout.listener.until(lambda heard: "see the schema" in statuses(heard)[-1]["reason"])
    assert store.asked == []
    rollout.desire(payload, **signed(payload))
    rollout.until("wave-1", "kept")
    older = desire("wave-0", {**found, "sha256": "0" * 64}, after_s=-1)
    rollout.desire(older, **signed(older))
    assert "older than the last one" in rollout.until("wave-0", "refused")["reason"]
    rollout.desire(b"")
    rollout.until(None, "settled")
    agent.stop()
    assert current(Shelf(tmp_path / "bundles").read()) == found["sha256"]


def test_one_that_was_left_comes_again_only_where_that_is_said(
    rollout: Rollout, start: Callable[..., AgentProcess], broker: Mosquitto, store: BundleStore, tmp_path: Path,
    tiny_bundle_directory: Path,
) -> None:  # fmt: skip
    found = store.put(pack(tiny_bundle_directory, tmp_path / "other.nexara"))
    agent, asker = start(window_s=600), Asker(broker.port)
    agent.start(rollout.listener)
    rollout.desire(desire("wave-1", found))
    rollout.on_trial("wave-1")
    drift = statuses(rollout.listener.until(lambda heard: statuses(heard)[-1]["drift"] is not None))[-1]["drift"]
    assert (drift["windows"] > 0, drift["mean"]) == (True, 0.0)
    assert asker.ask("rollback")["result"] == {"changed": True}
    assert "left by command" in rollout.until("wave-1", "left")["reason"]
    rollout.desire(desire("wave-2", found, 1))
    assert "was left" in rollout.until("wave-2", "refused")["reason"]
    assert store.asked == ["other.nexara"]
    rollout.desire(desire("wave-3", found, 2, again=True))
    rollout.on_trial("wave-3")
    asker.close()
    agent.stop()

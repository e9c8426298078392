"""A desired bundle that does not come at once: time passed in, a real HTTPS server."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_agent.bundles import installing
from edge_agent.bundles.bulletin import Bulletin
from edge_agent.bundles.bundle_in_use import BundleInUse
from edge_agent.bundles.desire_box import DesireBox
from edge_agent.bundles.desire_gate import DesireGate
from edge_agent.bundles.installing import plan_installer
from edge_agent.bundles.pursuit import Pursuit
from edge_agent.bundles.record import current
from edge_agent.bundles.shelf import Shelf
from edge_agent.bundles.switch import Effects, Switch
from edge_agent.bundles.update_room import open_update_room
from edge_agent.bundles.workshop import plan_workshop
from edge_agent.config import load_config
from edge_agent.config.plan import Plan
from edge_agent.delivery.broker import Broker
from edge_agent.delivery.message import Message
from edge_agent.delivery.request import Request
from edge_agent.seat import Seat
from edge_agent.tracer import UNTRACED
from models.bundle import Bundle, pack
from runtimes.detector import Detector, open_detector
from runtimes.protocol import SessionOptions
from tests.edge_agent.bundles.bundle_store import ISSUED, BundleStore, bundle_store, desire
from tests.edge_agent.bundles.test_attempt import CONFIG
from tests.edge_agent.delivery.listener import wait_for
from tests.edge_agent.delivery.mosquitto import make_private_ca


@dataclass
class Device:
    """A device without cameras, whose clock stands still unless it is moved."""

    plan: Plan
    shelf: Shelf
    box: DesireBox = field(default_factory=DesireBox)
    told: list[dict[str, Any]] = field(default_factory=list)
    now_s: float = 0.0

    def hear(self, payload: bytes) -> None:
        self.box.put(Request("nexara/v1/school/gate/desired/bundle", payload, True, None, None, ()))

    def last(self) -> tuple[str | None, str]:
        """Which desire was told last, and its state."""
        return (self.told[-1]["desired"] or {"id": None})["id"], self.told[-1]["state"]

    def until(self, id_: str, state: str) -> dict[str, Any]:
        def is_told() -> bool:
            last = self.told[-1] if self.told else None
            return last is not None and (last["desired"] or {}).get("id") == id_ and last["state"] == state

        wait_for(is_told, lambda: str(self.told))
        return self.told[-1]

    def pursuit(self) -> Pursuit:
        installer = plan_installer(self.plan)
        assert installer is not None
        workshop = plan_workshop(self.plan, self.clock, lambda _runtime: None, UNTRACED)
        effects = Effects(lambda _in_use: None, lambda: None, 120.0, self.box.nudge)
        in_use = BundleInUse(self.plan.open_bundle(), None)
        return Pursuit(
            DesireGate({}),
            installer,
            Switch(self.shelf, workshop, Seat(), in_use, None, effects),
            Bulletin(self.plan.topics(), self.take, lambda: ISSUED, listens=True),
            self.box,
            clock=self.clock,
            utc=lambda: ISSUED,
            random=np.random.default_rng(7),
        )

    @contextmanager
    def pursuing(self) -> Iterator[None]:
        thread = threading.Thread(target=self.pursuit().run)
        thread.start()
        yield
        self.box.halt()
        thread.join(30)
        assert not thread.is_alive()

    def clock(self) -> float:
        return self.now_s

    def take(self, message: Message) -> None:
        assert message.retain
        self.told.append(json.loads(message.payload))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[BundleStore]:
    (tmp_path / "ca").mkdir()
    with bundle_store(make_private_ca(tmp_path / "ca")) as found:
        yield found


@pytest.fixture
def device(tmp_path: Path, tiny_bundle_directory: Path, key_folder: Path, store: BundleStore) -> Device:
    path = tmp_path / "edge.toml"
    text = CONFIG.format(bundle=tiny_bundle_directory, key=key_folder / "public.pem", ca=store.ca, more="")
    path.write_text(text)
    return Device(Plan(load_config(path), os.environ), Shelf(tmp_path / "bundles"))


def test_what_cannot_be_fetched_is_tried_again_after_growing_pauses(
    device: Device, store: BundleStore, tmp_path: Path, tiny_bundle_directory: Path
) -> None:
    found = store.put(pack(tiny_bundle_directory, tmp_path / "other.nexara"))
    content, payload = store.files.pop("other.nexara"), desire("wave-1", found)
    pursuit, pauses_s = device.pursuit(), []
    device.hear(payload)
    pursuit.look()
    assert "404" in device.until("wave-1", "failed")["reason"]
    for failures in range(1, 12):
        began_s = device.now_s
        # The next session hears it again, which is no reason to hurry.
        device.hear(payload)
        while len(store.asked) == failures:
            device.now_s += 15.0
            pursuit.look()
        pauses_s.append(device.now_s - began_s)
    store.files["other.nexara"] = content
    device.now_s += 6 * 3600.0
    pursuit.look()
    device.until("wave-1", "trial")
    assert pauses_s[0] >= 30
    assert max(pauses_s) <= 6 * 3600.0 + 60
    assert pauses_s[4] > 2 * pauses_s[1]
    assert current(device.shelf.read()) == found["sha256"]


def test_what_is_desired_meanwhile_takes_the_place_of_what_is_being_fetched(
    device: Device, store: BundleStore, tmp_path: Path, tiny_bundle_directory: Path
) -> None:
    found = store.put(pack(tiny_bundle_directory, tmp_path / "other.nexara"))
    begun, release, answer = threading.Event(), threading.Event(), store.answer
    large = bytes(1 << 20)

    def stall(request: BaseHTTPRequestHandler) -> None:
        if not request.path.endswith("large.nexara"):
            answer(request)
            return
        request.send_response(200)
        request.send_header("Content-Length", str(len(large)))
        request.end_headers()
        request.wfile.write(large[: len(large) // 2])
        begun.set()
        assert release.wait(60)
        request.wfile.write(large[len(large) // 2 :])

    store.special = stall
    with device.pursuing():
        device.hear(desire("wave-1", {"url": store.url("large.nexara"), "sha256": "0" * 64}))
        assert begun.wait(60)
        wait_for(lambda: device.told[-1]["progress"] == pytest.approx(0.5, abs=0.11), lambda: str(device.told))
        device.hear(desire("wave-2", found, 1))
        release.set()
        device.until("wave-2", "trial")
    assert {one["state"] for one in device.told if (one["desired"] or {}).get("id") == "wave-1"} == {"fetching"}


def test_a_bundle_that_is_none_is_refused_and_not_fetched_again(
    device: Device, store: BundleStore, tmp_path: Path
) -> None:
    (tmp_path / "none.nexara").write_bytes(b"no bundle")
    payload = desire("wave-1", store.put(tmp_path / "none.nexara"))
    with device.pursuing():
        device.hear(payload)
        device.until("wave-1", "refused")
    store.asked.clear()
    device.told.clear()
    device.box = DesireBox()
    # A start later it is still so, without anything being fetched.
    with device.pursuing():
        device.until("wave-1", "refused")
        device.hear(payload)
        wait_for(lambda: not device.box.rings, "not heard")
    assert store.asked == []
    assert current(device.shelf.read()) is None


def test_what_is_desired_is_heard_where_that_is_asked_for_and_mqtt_5_is_spoken(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    five, three = Broker("127.0.0.1", 1883, "gate"), Broker("127.0.0.1", 1883, "gate", protocol="3.1.1")
    room = open_update_room(device.plan, nullcontext)
    assert room is not None
    assert room.subscription(five) is None
    assert not room.listens
    path = device.plan.config.path
    path.write_text(path.read_text().replace("[updates]", "[updates]\ndesired = true"))
    room = open_update_room(Plan(load_config(path), os.environ), nullcontext)
    assert room is not None
    found = room.subscription(five)
    assert found is not None
    assert found.topics == "nexara/v1/school/gate/desired/bundle"
    assert room.subscription(three) is None
    assert caplog.text.count("needs MQTT 5") == 1
    assert room.listens
    path.write_text(path.read_text().replace("[mqtt]", '[mqtt]\nprotocol = "3.1.1"'))
    room = open_update_room(Plan(load_config(path), os.environ), nullcontext)
    assert room is not None
    assert not room.listens


def test_the_self_test_in_a_running_agent_records_while_cameras_stand_still(
    device: Device, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_bundle_directory: Path
) -> None:
    seat, given = Seat(), []

    def open_noting(bundle: Bundle, *, target: str | None, options: SessionOptions) -> Detector:
        given.append(options.alone)
        return open_detector(bundle, target=target, options=options)

    monkeypatch.setattr(installing, "open_detector", open_noting)
    room = open_update_room(device.plan, seat.still)
    assert room is not None
    room.installer.put(pack(tiny_bundle_directory, tmp_path / "other.nexara"))
    assert given == [seat.still]
    with seat.still():
        assert not seat.taken


def test_what_no_broker_desires_any_more_is_neither_pursued_nor_told_of_as_if_it_were(
    device: Device, store: BundleStore, tmp_path: Path, tiny_bundle_directory: Path
) -> None:
    found = store.put(pack(tiny_bundle_directory, tmp_path / "other.nexara"))
    content, payload = store.files.pop("other.nexara"), desire("wave-1", found)
    pursuit = device.pursuit()
    for _ in range(2):
        # The second is a session after a start: nobody else knows of the desire.
        device.box.begin()
        device.hear(payload)
        pursuit.look()
        assert device.last() == ("wave-1", "failed")
        store.files["other.nexara"] = content
        device.box.begin()
        device.now_s += 6 * 3600.0
        pursuit.look()
        assert device.last() == (None, "settled")
        assert "wave-1" in device.told[-1]["reason"]
        store.files.pop("other.nexara")
        pursuit = device.pursuit()
    assert store.asked == ["other.nexara"] * 2
    store.files["other.nexara"] = content
    device.box.begin()
    device.hear(payload)
    pursuit.look()
    assert device.last() == ("wave-1", "trial")


def test_what_another_broker_was_refused_is_not_told_to_the_next(
    device: Device, store: BundleStore, tmp_path: Path, tiny_bundle_directory: Path
) -> None:
    found = store.put(pack(tiny_bundle_directory, tmp_path / "other.nexara"))
    pursuit = device.pursuit()
    device.box.begin()
    device.hear(desire("wave-2", found, 1))
    pursuit.look()
    device.box.begin()
    # Left over at a broker that is seldom used.
    device.hear(desire("wave-1", {**found, "sha256": "0" * 64}))
    pursuit.look()
    assert device.last() == ("wave-1", "refused")
    device.box.begin()
    pursuit.look()
    assert device.last() == ("wave-2", "trial")

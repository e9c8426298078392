"""What Home Assistant is told: on a real Mosquitto, and to Home Assistant itself where there is one."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from edge_agent.delivery.home_assistant import HomeAssistant
from edge_agent.delivery.topics import Topics
from tests.edge_agent.delivery.conftest import OpenListener, OpenOutbox
from tests.edge_agent.delivery.heard import Heard
from tests.edge_agent.delivery.home_assistant import HomeAssistantProcess
from tests.edge_agent.delivery.listener import wait_for
from tests.edge_agent.delivery.mosquitto import Mosquitto
from tests.edge_agent.delivery.samples import JPEG, TOPICS, health, incident, snapshot, state

ANNOUNCED = HomeAssistant(TOPICS, "0.1.0")
AGENT, YARD, HALL = (f"homeassistant/device/nexara_school_gate{camera}/config" for camera in ("", "_yard", "_hall"))
VIOLENCE = "binary_sensor.yard_violence"
CALM = {
    VIOLENCE: "off",
    "sensor.yard_score": "10.0",
    "sensor.yard_connection": "connected",
    "sensor.yard_mode": "idle",
    "sensor.yard_picture": "ok",
}
BLIND = {
    "binary_sensor.hall_violence": "unavailable",
    "sensor.hall_score": "unavailable",
    "sensor.hall_connection": "failed",
}
ID = "0197f3a0-5f5e-7000-8000-000000000001"


def configs(heard: list[Heard]) -> list[tuple[str, bool]]:
    """The announcements, each with whether it says something."""
    return [(one.topic, one.payload != b"") for one in heard if one.topic.endswith("/config")]


def retained(listen: OpenListener, broker: Mosquitto) -> set[str]:
    """The announcements that somebody finds who comes now, when at least a status is there."""
    listener = listen(broker.port)
    # Retained messages come in no order of ours; what is published once the listener is there comes after all of them.
    listener.mark()
    heard = listener.until(lambda heard: any(one.topic == listener.MARK for one in heard))
    return {topic for topic, _ in configs(heard)}


def test_agent_and_cameras_are_announced_again_to_a_broker_that_forgot_them(
    tmp_path: Path, listen: OpenListener, deliver: OpenOutbox
) -> None:
    broker = Mosquitto(tmp_path).start()
    listener = listen(broker.port)
    outbox = deliver(broker.port, announcements=ANNOUNCED.announce(["yard", "hall"]))
    told = configs(listener.until(lambda heard: len(configs(heard)) == 3))
    assert told == [(AGENT, True), (YARD, True), (HALL, True)]
    broker.stop()
    wait_for(lambda: not outbox.connected, "the lost session was not noticed")
    broker.start()
    try:
        told = configs(listener.until(lambda heard: len(configs(heard)) == 6))[3:]
        assert set(told) == {(AGENT, True), (YARD, True), (HALL, True)}
    finally:
        broker.stop()


def test_a_camera_that_is_no_longer_configured_is_withdrawn_once_and_the_rest_when_discovery_is_switched_off(
    broker: Mosquitto, listen: OpenListener, deliver: OpenOutbox
) -> None:
    deliver(broker.port, announcements=ANNOUNCED.announce(["yard", "hall"])).close()
    runs = []
    for announcements in (ANNOUNCED.announce(["yard"]), ANNOUNCED.announce(["yard"]), (), ()):
        listener = listen(broker.port)
        outbox = deliver(broker.port, announcements=announcements)
        wait_for(lambda outbox=outbox: outbox.connected, "no session")
        outbox.close()
        heard = listener.until(lambda heard: any(b"stopping" in one.payload and not one.retain for one in heard))
        runs.append(configs([one for one in heard if not one.retain]))
    again = [(AGENT, True), (YARD, True)]
    assert runs == [[(HALL, False), *again], again, [(AGENT, False), (YARD, False)], []]
    assert retained(listen, broker) == set()


def test_a_withdrawal_waits_for_a_broker_that_is_away(
    broker: Mosquitto, listen: OpenListener, deliver: OpenOutbox
) -> None:
    deliver(broker.port, announcements=ANNOUNCED.announce(["yard", "hall"])).close()
    wait_for(lambda: broker.has_saved("_hall/config"), "the broker keeps nothing")
    broker.stop()
    deliver(broker.port, announcements=ANNOUNCED.announce(["yard"])).close(flush_s=0)
    broker.start()
    assert retained(listen, broker) == {AGENT, YARD, HALL}
    outbox = deliver(broker.port, announcements=ANNOUNCED.announce(["yard"]))
    wait_for(lambda: outbox._spool.retained() == [AGENT, YARD], "not withdrawn")
    assert retained(listen, broker) == {AGENT, YARD}


def test_ids_differ_wherever_names_do_and_hold_what_home_assistant_takes() -> None:
    names = ("a", "a.b", "a_b", "a-b", "a_-b", "a__b", "a._b", "a_.b", "b")
    ids = []
    for site in names:
        for device in names:
            messages = HomeAssistant(Topics(site, device), "0.1.0").announce(names)
            ids += [message.topic for message in messages]
    assert len(set(ids)) == len(ids)
    assert all(set(id_.lower()) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-/") for id_ in ids)


def test_an_interrupted_incident_is_no_longer_in_progress_before_the_agent_is_online_again(
    broker: Mosquitto, listen: OpenListener, deliver: OpenOutbox
) -> None:
    outbox = deliver(broker.port)
    outbox.camera_state(state(incident=ID))
    outbox.incident(incident(0))
    wait_for(lambda: outbox.figures().courier.delivered == 1, "not delivered")
    outbox.close()
    listener = listen(broker.port)
    listener.until_topic("/state")
    deliver(broker.port)
    heard = listener.until(lambda heard: any(b'"online"' in one.payload for one in heard))
    told = json.loads([one for one in heard if one.topic.endswith("/state")][-1].payload)
    assert (told["incident"], told["connection"]) == (None, "connecting")


@pytest.mark.slow
def test_home_assistant_shows_an_incident_through_its_own_restart_and_drops_a_removed_camera(
    broker: Mosquitto, deliver: OpenOutbox, tmp_path: Path
) -> None:
    outbox = deliver(broker.port, announcements=ANNOUNCED.announce(["yard", "hall"]))
    outbox.use_runtime("tflite-int8")
    outbox.camera_state(state())
    outbox.camera_state(state("hall", connection="failed", score=None, reason="no route"))
    with HomeAssistantProcess(tmp_path / "home", broker.port) as home:
        home.until_shown({**CALM, **BLIND, "binary_sensor.gate_status": "on", "sensor.gate_runtime": "tflite-int8"})
        # Home Assistant makes each entity in its own time, those that are never "on" or "off" last.
        shown = home.until(lambda shown: len(shown) >= 18)
        assert len(shown) == 18
        assert {one["via"] for one in shown.values() if one["device"] in ("yard", "hall")} == {"gate"}
        # Nor is an entity subscribed to its topic once it is shown, and these two topics retain nothing.
        for topic in (TOPICS.health, TOPICS.snapshot("yard")):
            wait_for(partial(broker.has_logged, f"\t{topic} (QoS"), f"nobody subscribed to {topic}")
        outbox.health(health())
        home.until_shown({"sensor.gate_latency_p99": "40.5", "sensor.gate_temperature": "51.5"})
        outbox.camera_state(state(mode="alert", score=0.91, incident=ID))
        outbox.incident(incident(0))
        outbox.snapshot(snapshot())
        home.until_shown({VIOLENCE: "on", "sensor.yard_score": "91.0", "sensor.yard_mode": "alert"})
        home.until(lambda shown: bytes.fromhex(shown["image.yard_snapshot"]["picture"] or "") == JPEG)
    with HomeAssistantProcess(tmp_path / "home", broker.port) as home:
        home.until_shown({VIOLENCE: "on"})
        outbox.camera_state(state())
        outbox.incident(incident(1, phase="ended", reason="calm"))
        home.until_shown({**CALM, **BLIND})
        outbox.close()
        home.until_shown({VIOLENCE: "unavailable", "binary_sensor.gate_status": "off"})
        deliver(broker.port, announcements=ANNOUNCED.announce(["yard"])).camera_state(state())
        home.until_shown({**CALM, "binary_sensor.gate_status": "on"})
        home.until(lambda shown: len(shown) == 12 and not any("hall" in id_ for id_ in shown))
    assert home.complaints() == []

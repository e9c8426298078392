"""What the received messages prove: readiness, detections, false alarms, and the verdict in words."""

from __future__ import annotations

import pytest

from edge_agent.demo.errors import DemoError
from edge_agent.demo.ledger import Ledger
from edge_agent.demo.news import read_news
from edge_agent.demo.site import MOST_SEED, make_site
from edge_agent.demo.stage import TOPICS
from edge_agent.demo.subscriber import Message
from edge_agent.demo.verdict import judge
from tests.edge_agent.demo.messages import arrived, camera_state, incident, status

SITE = make_site(seed=7)
CALM = ("gate", "corridor", "hall")
ALL_CONNECTED = [camera_state(camera.id) for camera in SITE]


def ledger_of(messages: list[Message]) -> Ledger:
    ledger = Ledger(SITE)
    for message in messages:
        ledger.enter(read_news(TOPICS, message))
    return ledger


@pytest.mark.parametrize(
    ("messages", "ready"),
    [
        ([], False),
        ([status()], False),
        (ALL_CONNECTED, False),
        ([status(), *ALL_CONNECTED[1:]], False),
        ([status(), *ALL_CONNECTED], True),
        ([*ALL_CONNECTED, status()], True),
        ([status(), *ALL_CONNECTED, camera_state("gate", "stalled")], False),
        ([status(), *ALL_CONNECTED, status("stopping")], False),
    ],
)
def test_ledger_is_ready_when_the_agent_is_online_and_every_camera_connected(
    messages: list[Message], ready: bool
) -> None:
    assert ledger_of(messages).ready is ready


@pytest.mark.parametrize(
    ("messages", "passed", "text"),
    [
        ([], False, "the agent never came online; no false alarm"),
        ([status(), *ALL_CONNECTED[:2]], False, "cameras never connected: corridor, hall; no false alarm"),
        ([status(), *ALL_CONNECTED], False, "the fight on yard raised no incident; no false alarm"),
        (
            [status(), *ALL_CONNECTED, incident("yard", 10.5)],
            True,
            "incident on yard, 2.5 s after the fight began; no false alarm",
        ),
        # Two incidents on one camera, the first before anybody fights: only the second is a detection.
        (
            [status(), *ALL_CONNECTED, incident("yard", 5.0), incident("yard", 9.0, name="i2")],
            True,
            "incident on yard, 1.0 s after the fight began; false alarm on yard at 5 s",
        ),
        # The scene starts over every 60 s, and so does its fight.
        (
            [status(), *ALL_CONNECTED, incident("yard", 70.0)],
            True,
            "incident on yard, 2.0 s after the fight began; no false alarm",
        ),
        (
            [status(), *ALL_CONNECTED, incident("hall", 10.0)],
            False,
            "the fight on yard raised no incident; false alarm on hall at 10 s",
        ),
        ([incident("yard", 10.0, phase="updated")], False, "the agent never came online; no false alarm"),
    ],
)
def test_verdict_tells_what_was_received(messages: list[Message], passed: bool, text: str) -> None:
    verdict = judge(ledger_of(messages))
    assert (verdict.passed, verdict.text) == (passed, text)


def test_incident_counts_once_when_it_is_delivered_again() -> None:
    ledger = ledger_of([incident("hall", 10.0), incident("hall", 10.0)])
    assert len(ledger.false_alarms) == 1


@pytest.mark.parametrize("seed", [0, 7, MOST_SEED])
def test_site_has_one_fight_on_one_of_four_cameras(seed: int) -> None:
    site = make_site(seed)
    fights = {camera.id: [(fight.start_s, fight.end_s) for fight in camera.fights] for camera in site}
    assert fights == {"yard": [(8.0, 28.0)], **{camera: [] for camera in CALM}}


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (arrived(TOPICS.status, b"{}"), "breaks its schema.*state"),
        (arrived(TOPICS.incident("yard"), b"\xff"), "camera/yard/incident breaks its schema"),
        (arrived(f"{TOPICS.root}/surprise", b""), "surprise, a topic that the agent does not have"),
        (arrived(f"{TOPICS.root}/camera/yard/surprise", b""), "a topic that the agent does not have"),
    ],
)
def test_news_is_refused_when_a_message_breaks_its_contract(message: Message, reason: str) -> None:
    with pytest.raises(DemoError, match=reason):
        read_news(TOPICS, message)

"""Messages over which a broker ends sessions: the rules by moved time, and a Mosquitto that does so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.backoff import Backoff, BackoffPolicy
from edge_agent.delivery.board import Board
from edge_agent.delivery.courier import Drain
from edge_agent.delivery.message import Message
from edge_agent.delivery.spool import StoredMessage
from edge_agent.delivery.suspects import FIRST_REST_S, LONGEST_REST_S, PATIENCE, STRIKES, Item, Suspects
from edge_agent.events import Snapshot
from tests.edge_agent.delivery.conftest import OpenListener, OpenOutbox
from tests.edge_agent.delivery.heard import Heard
from tests.edge_agent.delivery.listener import wait_for
from tests.edge_agent.delivery.mosquitto import Mosquitto
from tests.edge_agent.delivery.samples import AT, JPEG, incident, snapshot

RETAINED = Message("homeassistant/device/config", b"{}", retain=True)


class Site:
    """Suspects, and the clock that they go by."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.suspects = Suspects(lambda: self.now_s)

    def lose(self, *unanswered: Item, times: int = 1, proved: bool = True) -> float | None:
        """Sessions that end over one message, or several; for how long it rests by the last."""
        rest_s = None
        for _ in range(times):
            rest_s = self.suspects.lost(unanswered, alone=len(unanswered) == 1, proved=proved)
        return rest_s


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def picky(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that hangs up over what is larger than it takes."""
    broker = Mosquitto(tmp_path, ["allow_anonymous true", "max_packet_size 20000"])
    yield broker.start()
    broker.stop()


def hurried() -> Backoff:
    """To wait for longer between sessions proves nothing more."""
    return Backoff(lambda: 0.0, BackoffPolicy(first_s=0.02, most_s=0.02))


def stored(number: int, topic: str = "snapshot") -> StoredMessage:
    return StoredMessage(number, Message(topic, b"picture"))


def test_what_was_left_unanswered_is_offered_one_by_one_until_it_is_answered(site: Site) -> None:
    assert not site.suspects.careful
    site.lose(stored(1), stored(2))
    site.suspects.answered(stored(2))
    assert site.suspects.careful
    site.suspects.answered(stored(1))
    assert not site.suspects.careful


def test_a_message_that_ends_sessions_is_passed_over_for_longer_each_time(site: Site) -> None:
    assert site.lose(stored(1), times=STRIKES - 1) is None
    rests_s = []
    for _ in range(8):
        rests_s.append(site.lose(stored(1)))
        assert site.suspects.topics == {}
        assert not site.suspects.careful
        site.now_s = site.suspects.passed_over[1]
        assert site.suspects.careful
    assert rests_s == [min(LONGEST_REST_S, FIRST_REST_S * 2**time) for time in range(8)]
    site.suspects.answered(stored(1))
    assert (site.suspects.careful, site.suspects.passed_over) == (False, {})


def test_sessions_count_until_the_message_is_answered(site: Site) -> None:
    site.lose(stored(1), times=STRIKES - 1)
    site.suspects.answered(stored(1))
    assert site.lose(stored(1), times=STRIKES - 1) is None
    assert site.lose(stored(2, "other")) is None
    assert site.lose(stored(1)) == FIRST_REST_S


def test_a_network_that_breaks_has_nothing_passed_over(site: Site) -> None:
    assert site.lose(stored(1), stored(2), times=20) is None
    # The broker took nothing at all: it, or the way to it, may be at fault.
    for item in (stored(1), RETAINED):
        assert site.lose(item, times=PATIENCE - 1, proved=False) is None
    assert (site.suspects.passed_over, site.suspects.topics) == ({}, {})
    for item in (stored(1), RETAINED):
        assert site.lose(item, proved=False) == FIRST_REST_S


def test_what_comes_first_and_ends_sessions_has_to_wait_until_something_is_proved(site: Site) -> None:
    site.lose(stored(1), times=STRIKES - 1, proved=False)
    assert site.suspects.late_ids == set()
    site.lose(stored(1), proved=False)
    assert site.suspects.late_ids == {1}
    site.lose(RETAINED, proved=False)
    assert site.suspects.late_topics(proved=False) == {RETAINED.topic}
    assert site.suspects.late_topics(proved=True) == set()
    site.lose(RETAINED)
    assert site.suspects.late_topics(proved=True) == {RETAINED.topic}
    for item in (stored(1), RETAINED):
        site.suspects.answered(item)
    assert (site.suspects.late_ids, site.suspects.late_topics(proved=False)) == (set(), set())


def test_a_topic_that_is_not_taken_rests_as_a_whole(site: Site) -> None:
    site.lose(stored(1), times=STRIKES)
    assert site.lose(stored(2)) == 2 * FIRST_REST_S
    assert site.suspects.topics == {"snapshot": FIRST_REST_S}
    site.now_s = FIRST_REST_S
    # Others of the topic come before those that were passed over: they may be taken.
    assert sorted(site.suspects.passed_over) == [1, 2]
    assert not site.suspects.careful
    site.lose(stored(3))
    assert site.suspects.topics == {"snapshot": site.now_s + 2 * FIRST_REST_S}
    site.suspects.answered(stored(4))
    assert site.suspects.topics == {}


def test_a_retained_topic_rests_and_an_answer_is_nobodys_fault(site: Site) -> None:
    assert site.lose(Message("answer/ana", b"{}"), times=9) is None
    assert not site.suspects.careful
    assert site.lose(RETAINED, proved=False) is None
    assert site.lose(RETAINED, times=STRIKES) == FIRST_REST_S
    assert site.suspects.topics == {RETAINED.topic: FIRST_REST_S}
    assert site.suspects.late_topics(proved=True) == {RETAINED.topic}


def test_what_is_gone_from_the_spool_is_waited_for_no_more(site: Site) -> None:
    site.lose(stored(1), stored(2))
    site.lose(stored(3), times=STRIKES)
    site.suspects.relax()
    assert (site.suspects.careful, list(site.suspects.passed_over)) == (False, [3])
    site.now_s = FIRST_REST_S
    site.suspects.relax()
    assert not site.suspects.careful


def sequences(heard: list[Heard]) -> set[int]:
    return {json.loads(one.payload)["sequence"] for one in heard if one.topic.endswith("/incident")}


@pytest.mark.parametrize("drain", ["oldest", "newest"])
def test_a_message_over_which_the_broker_hangs_up_does_not_block_those_behind_it(
    picky: Mosquitto, listen: OpenListener, deliver: OpenOutbox, caplog: pytest.LogCaptureFixture, drain: Drain
) -> None:
    now_s = [0.0]
    listener = listen(picky.port, mqtt_version=3)
    outbox = deliver(picky.port, protocol="3.1.1", drain=drain, clock=lambda: now_s[0])
    outbox._courier._backoff = hurried()
    outbox.incident(incident(0))
    outbox.snapshot(Snapshot("yard", "0197f3a0-5f5e-7000-8000-000000000001", "large", AT, bytes(30_000)))
    for sequence in range(1, 20):
        outbox.incident(incident(sequence))
    outbox.snapshot(snapshot())
    # Some twice, since acknowledgements were lost with a session.
    listener.until(lambda heard: sequences(heard) == set(range(20)))
    assert {one.payload for one in listener.until_topic("/snapshot")} == {JPEG}
    wait_for(lambda: "over a message of 30" in caplog.text, "not found")
    wait_for(lambda: outbox.figures().spool.messages == 1, "not all but one delivered")
    assert outbox.figures().courier.sessions <= 2 + STRIKES
    now_s[0] = FIRST_REST_S
    outbox.incident(incident(20))
    wait_for(lambda: caplog.text.count("it is passed over") == 2, "not tried again")
    listener.until(lambda heard: 20 in sequences(heard))
    wait_for(lambda: outbox.figures().spool.messages == 1, "lost, or not delivered")


@pytest.mark.parametrize("large", [("status",), ("agent", "yard"), ("agent", "yard", "status")])
def test_nor_do_those_that_are_retained_and_come_before_all_else(
    picky: Mosquitto, listen: OpenListener, deliver: OpenOutbox, large: tuple[str, ...]
) -> None:
    listener = listen(picky.port, mqtt_version=3)
    announcements = tuple(Message(f"homeassistant/{name}", bytes(30_000), retain=True) for name in large)
    outbox = deliver(picky.port, protocol="3.1.1", announcements=announcements)
    outbox._courier._backoff = hurried()
    outbox.incident(incident(0))
    listener.until(lambda heard: sequences(heard) == {0})
    # The last of a session that is lost is its will.
    listener.until(lambda heard: any(b'"online"' in one.payload for one in heard if one.topic.endswith("/status")))
    topics = tuple(sorted(message.topic for message in announcements))
    wait_for(lambda: outbox.figures().spool.blocked_topics == topics, "not all found")
    assert outbox.figures().courier.sessions <= 2 + len(large) * (STRIKES + 1)


def test_nor_does_the_first_of_the_spool_when_nothing_is_retained(
    picky: Mosquitto, listen: OpenListener, deliver: OpenOutbox
) -> None:
    listener = listen(picky.port, mqtt_version=3)
    outbox = deliver(picky.port, protocol="3.1.1")
    courier = outbox._courier
    courier._backoff = hurried()
    courier._board = Board()
    outbox.snapshot(Snapshot("yard", "0197f3a0-5f5e-7000-8000-000000000001", "large", AT, bytes(30_000)))
    outbox.incident(incident(0))
    listener.until(lambda heard: sequences(heard) == {0})
    wait_for(lambda: outbox.figures().spool.messages == 1, "not all but one delivered")

"""An outbox whose disk is full, or takes no writes any more."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge_agent.delivery.message import Message
from edge_agent.delivery.outbox import MqttOutbox
from edge_agent.delivery.spool import Spool, SpoolLimits
from tests.edge_agent.delivery.conftest import OpenListener
from tests.edge_agent.delivery.disk import Disk
from tests.edge_agent.delivery.listener import Listener, wait_for
from tests.edge_agent.delivery.mosquitto import Mosquitto
from tests.edge_agent.delivery.samples import health, incident, make_outbox, state

BUFFERING = ("allow_anonymous true", "max_queued_messages 0")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path)
    yield disk
    disk.close()


def wait_for_unwritten(outbox: MqttOutbox, listener: Listener, number: int) -> None:
    """Wait until ``health`` says that so many messages wait in memory."""

    def said() -> bool:
        outbox.health(health())
        return any(json.loads(one.payload)["spool"]["unwritten"] == number for one in listener.until_topic("/health"))

    wait_for(said, "health does not say what waits in memory")


def ids(listener: Listener, number: int) -> list[str]:
    """Of the incidents that came, without repeats."""
    listener.until(lambda _: True)
    return list(dict.fromkeys(json.loads(one.payload)["id"] for one in listener.until_topic("/incident", number)))


def test_an_outbox_says_that_its_disk_is_full_and_loses_nothing_once_it_is_not(
    disk: Disk, broker: Mosquitto, listen: OpenListener, caplog: pytest.LogCaptureFixture
) -> None:
    away = make_outbox(1, disk.path)
    away.start()
    for number in range(5):
        away.incident(incident(0, incident=f"old-{number}", phase="ended"))
    wait_for(lambda: away.figures().spool.messages == 5, "not on disk")
    disk.fill()
    # Larger than what is left of a page, so that no slack takes it.
    for number in range(5):
        away.incident(incident(0, incident=f"new-{number}", phase="ended", clip="c" * 20_000))
    wait_for(lambda: "message(s) wait in memory" in caplog.text, "the full disk was not told of")
    assert away.healthy
    disk.free()
    wait_for(lambda: away.figures().spool.messages == 10, "not written once there was room")
    assert away.figures().spool.dropped_unwritten == 0
    away.close(flush_s=0)
    listener = listen(broker.port)
    outbox = make_outbox(broker.port, disk.path)
    outbox.start()
    assert ids(listener, 10) == [f"old-{number}:0" for number in range(5)] + [f"new-{number}:0" for number in range(5)]
    outbox.close()


def test_health_and_states_go_on_while_the_disk_is_full_and_what_waits_is_delivered(
    disk: Disk, broker: Mosquitto, listen: OpenListener
) -> None:
    listener = listen(broker.port)
    outbox = make_outbox(broker.port, disk.path)
    outbox.start()
    outbox.incident(incident(0))
    assert ids(listener, 1) == ["0197f3a0-5f5e-7000-8000-000000000001:0"]
    disk.fill()
    outbox.incident(incident(1, clip="c" * 20_000))
    wait_for_unwritten(outbox, listener, 1)
    outbox.camera_state(state(score=0.9))
    listener.until(lambda heard: any(b'"score":0.9' in one.payload for one in heard))
    disk.free()
    wait_for_unwritten(outbox, listener, 0)
    listener.until(lambda heard: any(b'"sequence":1' in one.payload for one in heard))
    outbox.close()


def test_a_spool_that_has_filled_its_disk_drains_when_the_broker_comes(
    disk: Disk, tmp_path: Path, listen: OpenListener, caplog: pytest.LogCaptureFixture
) -> None:
    broker = Mosquitto(tmp_path, BUFFERING)
    outbox = make_outbox(broker.port, disk.path)
    outbox.start()
    if not disk.mounted:
        # SQLite's own limit in the place of the disk's.
        outbox._spool._database.execute("pragma max_page_count = 2000")
    number = 0
    while "message(s) wait in memory" not in caplog.text:
        assert number < 2000
        outbox.incident(incident(number, phase="ended", clip="c" * 100_000))
        number += 1
        wait_for(lambda: outbox.figures().spool.unwritten == 0 or "wait in memory" in caplog.text, "not written")
    written = outbox.figures().spool.messages
    assert written > 20
    broker.start()
    listener = listen(broker.port)
    try:
        wait_for(lambda: outbox.figures().spool.messages + outbox.figures().spool.unwritten == 0, "does not drain")
        outbox.incident(incident(number))
        listener.until(lambda heard: any(f'"sequence":{number}'.encode() in one.payload for one in heard))
        wait_for(lambda: outbox.figures().courier.delivered == number + 1, "not every message was counted")
    finally:
        outbox.close()
        broker.stop()


def test_what_is_on_a_full_disk_is_delivered_by_an_agent_that_starts_there(
    disk: Disk, broker: Mosquitto, listen: OpenListener
) -> None:
    listener = listen(broker.port)
    with closing(Spool(disk.path / "spool" / "spool.sqlite", SpoolLimits(10_000_000, 86_400), time.time)) as spool:
        spool.put([Message("a/incident/old", b"x" * 50_000) for _ in range(20)])
    disk.fill()
    outbox = make_outbox(broker.port, disk.path)
    outbox.start()
    listener.until_topic("/old", 20)
    outbox.incident(incident(0, clip="c" * 20_000))
    disk.free()
    listener.until_topic("/incident")
    wait_for(lambda: outbox.figures().spool.messages == 0, "not removed")
    outbox.close()


def test_what_is_on_a_disk_that_takes_no_writes_is_delivered_and_the_rest_said_to_wait(
    disk: Disk, broker: Mosquitto, listen: OpenListener, caplog: pytest.LogCaptureFixture
) -> None:
    listener = listen(broker.port)
    with closing(Spool(disk.path / "spool" / "spool.sqlite", SpoolLimits(10_000_000, 86_400), time.time)) as spool:
        old = [Message("a/incident/old", f"{number}".encode()) for number in range(40)]
        spool.put(old)
    outbox = make_outbox(broker.port, disk.path)
    disk.break_()
    outbox._threads[0].start()
    outbox._threads[1].start()
    outbox.incident(incident(0))
    heard = listener.until_topic("/old", 40)
    assert list(dict.fromkeys(one.payload for one in heard)) == [one.payload for one in old]
    wait_for_unwritten(outbox, listener, 1)
    assert "check the disk's free space and health" in caplog.text
    assert outbox.healthy
    outbox.close(flush_s=0)
    disk.mend()
    again = make_outbox(broker.port, disk.path)
    again.start()
    wait_for(lambda: again.figures().spool.messages == 0, "not removed once the disk was mended")
    again.incident(incident(1))
    listener.until(lambda heard: any(b'"sequence":1' in one.payload for one in heard))
    again.close()

"""Incidents that an agent left open, ended by the next one, against a real spool and a real Mosquitto."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path

import pytest

from edge_agent.delivery.message import Message
from edge_agent.delivery.spool import Spool, SpoolLimits
from tests.edge_agent.delivery.conftest import OpenListener, OpenOutbox
from tests.edge_agent.delivery.mosquitto import Mosquitto
from tests.edge_agent.delivery.samples import incident


def test_an_incident_left_open_is_ended_once_by_the_next_start_before_all_that_is_new(
    broker: Mosquitto, listen: OpenListener, deliver: OpenOutbox
) -> None:
    listener = listen(broker.port)
    for number in range(3):
        outbox = deliver(broker.port)
        outbox.incident(incident(0, incident=f"new-{number}", clip=f"yard/new-{number}.mp4"))
        if number != 0:
            outbox.incident(incident(1, incident=f"new-{number}", phase="ended", reason="calm"))
        else:
            outbox.incident(incident(1, incident="new-0", clip="yard/new-0.mp4"))
        listener.until(
            lambda heard, number=number: f'"new-{number}:1"'.encode() in b"".join(one.payload for one in heard)
        )
        outbox.close()
    steps = [json.loads(one.payload) for one in listener.until_topic("/incident")]
    assert [(step["id"], step["phase"], step["reason"]) for step in steps] == [
        ("new-0:0", "started", None),
        ("new-0:1", "updated", None),
        ("new-0:2", "ended", "interrupted"),
        ("new-1:0", "started", None),
        ("new-1:1", "ended", "calm"),
        ("new-2:0", "started", None),
        ("new-2:1", "ended", "calm"),
    ]
    last, end = steps[1:3]
    assert (end["at"], end["ended_at"], end["snapshot"]) == (last["at"], last["at"], None)
    # The agent was killed before it could complete the film.
    assert (last["clip"], end["clip"]) == ("yard/new-0.mp4", None)
    same = set(last) - {"id", "sequence", "phase", "ended_at", "snapshot", "clip", "reason"}
    assert {name: end[name] for name in same} == {name: last[name] for name in same}


def test_an_open_incident_that_cannot_be_read_is_named_and_does_not_keep_the_outbox_from_starting(
    tmp_path: Path, deliver: OpenOutbox, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(Spool(tmp_path / "spool" / "spool.sqlite", SpoolLimits(10_000, 100), time.time)) as spool:
        spool.put([Message("t", b'{"id": 3}', incident="odd")])
    assert deliver(1).healthy
    assert "incident odd was left open and cannot be ended" in caplog.text

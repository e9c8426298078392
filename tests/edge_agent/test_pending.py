from __future__ import annotations

import threading

import numpy as np

from edge_agent.pending import PendingSamples
from edge_agent.sample import Sample
from tests.edge_agent.test_snapshot import Noise


def sample(camera: str, time_s: float) -> Sample:
    return Sample(camera, time_s, 1, time_s, time_s, Noise(), np.zeros((2, 2, 3), np.uint8))


def taken(pending: PendingSamples) -> list[tuple[str, float]]:
    return [(one.camera, one.time_s) for one in pending.take(0.0)]


def test_put_loses_oldest_of_the_same_camera_when_full() -> None:
    pending = PendingSamples(2)
    pending.put(sample("slow", 0.0))
    for time_s in range(5):
        pending.put(sample("busy", time_s))
    assert (len(pending), pending.dropped) == (3, 3)
    assert taken(pending) == [("slow", 0.0), ("busy", 3.0), ("busy", 4.0)]
    assert taken(pending) == []


def test_idle_waits_for_what_was_taken_when_it_is_still_at_work() -> None:
    pending = PendingSamples(2)
    assert pending.idle
    pending.put(sample("a", 0.0))
    assert not pending.idle
    pending.take(0.0)
    assert not pending.idle
    pending.done(lost=1)
    assert pending.idle
    assert pending.dropped == 1


def test_take_wakes_when_a_sample_comes() -> None:
    pending = PendingSamples(2)
    found: list[Sample] = []
    thread = threading.Thread(target=lambda: found.extend(pending.take(30.0)))
    thread.start()
    pending.put(sample("a", 1.0))
    thread.join(20)
    assert [one.time_s for one in found] == [1.0]

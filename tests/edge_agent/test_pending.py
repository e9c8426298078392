from __future__ import annotations

import threading

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

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


def test_take_serves_cameras_in_turn_when_it_may_not_take_all() -> None:
    pending = PendingSamples(4)
    for camera in "abc":
        for time_s in range(3):
            pending.put(sample(camera, time_s))
    served = [[(one.camera, one.time_s) for one in pending.take(0.0, most=2)] for _ in range(5)]
    assert served == [
        [("a", 0.0), ("b", 0.0)],
        [("c", 0.0), ("a", 1.0)],
        [("b", 1.0), ("c", 1.0)],
        [("a", 2.0), ("b", 2.0)],
        [("c", 2.0)],
    ]


def test_take_gives_up_what_is_old() -> None:
    now = [0.0]
    pending = PendingSamples(4, oldest_s=1.0, clock=lambda: now[0])
    for time_s in (10.0, 10.5, 11.2, 11.6):
        now[0] = time_s
        pending.put(sample("a", 0.0 if time_s == 11.2 else time_s))
    assert [one.time_s for one in pending.take(0.0)] == [0.0, 11.6]
    assert pending.dropped == 2


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 5)), max_size=60))
def test_no_camera_starves_whatever_the_others_send(steps: list[tuple[str, int]]) -> None:
    pending = PendingSamples(3)
    waiting, passed = dict.fromkeys("abcd", 0), dict.fromkeys("abcd", 0)
    for time_s, (camera, most) in enumerate(steps):
        pending.put(sample(camera, time_s))
        waiting[camera] = min(3, waiting[camera] + 1)
        taken = [one.camera for one in pending.take(0.0, most=most)]
        for name in waiting:
            waiting[name] -= taken.count(name)
            passed[name] = passed[name] + 1 if waiting[name] and name not in taken else 0
            assert passed[name] < 4
        assert len(pending) == sum(waiting.values())


def test_nothing_is_older_than_when_it_was_renewed() -> None:
    now_s = [0.0]
    pending = PendingSamples(2, oldest_s=0.5, clock=lambda: now_s[0])
    for time_s in range(3):
        pending.put(sample("a", time_s))
    now_s[0] = 9.0
    pending.renew()
    now_s[0] = 9.4
    pending.put(sample("b", 5.0))
    assert taken(pending) == [("a", 1.0), ("b", 5.0), ("a", 2.0)]
    pending.put(sample("a", 3.0))
    now_s[0] = 10.0
    assert taken(pending) == []
    assert pending.dropped == 2

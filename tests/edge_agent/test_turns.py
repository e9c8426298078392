from __future__ import annotations

import threading
import time

import pytest

from edge_agent.camera_turn import CameraTurn
from edge_agent.turns import Turns
from tests.edge_agent.test_camera import wait_for


def test_no_more_than_so_many_are_in_and_all_come_in() -> None:
    turns, inside, seen, lock = Turns(2, time.monotonic), 0, list[int](), threading.Lock()

    def work() -> None:
        nonlocal inside
        for _ in range(10):
            with CameraTurn(turns):
                with lock:
                    inside += 1
                    seen.append(inside)
                time.sleep(0.001)
                with lock:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 60
    assert max(seen) == 2


def test_who_came_first_is_in_first_and_whoever_leaves_comes_after_those_who_wait() -> None:
    turns, order, threads = Turns(1, time.monotonic, longest_s=60.0), list[str](), list[threading.Thread]()

    def work(name: str) -> None:
        with CameraTurn(turns):
            order.append(name)

    with CameraTurn(turns):
        for number, name in enumerate("abc", 1):
            threads.append(threading.Thread(target=work, args=(name,)))
            threads[-1].start()
            wait_for(lambda number=number: len(turns._patient) == number)
    work("the first again")
    for thread in threads:
        thread.join()
    assert order == ["a", "b", "c", "the first again"]


def test_nobody_waits_for_ever_for_one_that_hangs() -> None:
    turns, released = Turns(1, time.monotonic, longest_s=0.05), threading.Event()

    def hang() -> None:
        with CameraTurn(turns):
            released.wait(30)

    hanging = threading.Thread(target=hang)
    hanging.start()
    wait_for(lambda: turns._since)
    with CameraTurn(turns):
        assert hanging.is_alive()
    with CameraTurn(turns):
        released.set()
        hanging.join()


def test_a_turn_is_left_when_what_was_computed_fails() -> None:
    turns = Turns(1, time.monotonic, longest_s=60.0)
    with pytest.raises(ValueError, match="broken"), CameraTurn(turns):
        raise ValueError("broken")
    with CameraTurn(turns):
        pass


@pytest.mark.parametrize(("waits_s", "missed"), [(0.5, 1), (0.001, 0)])
def test_a_picture_counts_as_missed_where_its_thread_had_to_wait(waits_s: float, missed: int) -> None:
    now_s = 0.0
    turns = Turns(1, lambda: now_s, longest_s=60.0)
    first, second = CameraTurn(turns), CameraTurn(turns)

    def work() -> None:
        with second:
            pass
        second.miss()

    late = threading.Thread(target=work)
    with first:
        late.start()
        wait_for(lambda: turns._patient)
        now_s = waits_s
    late.join()
    assert turns.missed == missed
    first.miss()
    assert turns.missed == missed


def test_cameras_that_are_awake_come_first_and_of_four_turns_one_goes_to_one_that_is_not() -> None:
    turns, order, threads = Turns(1, time.monotonic, longest_s=60.0), list[str](), list[threading.Thread]()

    def work(name: str) -> None:
        turn = CameraTurn(turns)
        turn.hurry(awake=name.isupper())
        with turn:
            order.append(name)

    with CameraTurn(turns):
        for number, name in enumerate("abcABCDEFGH", 1):
            threads.append(threading.Thread(target=work, args=(name,)))
            threads[-1].start()
            wait_for(lambda number=number: len(turns._patient) + len(turns._urgent) == number)
    for thread in threads:
        thread.join()
    assert "".join(order) == "ABCaDEFbGHc"


def test_who_is_alone_waits_until_all_have_left_and_nobody_comes_in_meanwhile() -> None:
    turns, happened, leave = Turns(2, time.monotonic, longest_s=60.0), list[str](), threading.Event()

    def work(name: str, until: threading.Event | None = None) -> None:
        with CameraTurn(turns):
            happened.append(name)
            if until is not None:
                until.wait(30)

    def be_alone() -> None:
        with turns.alone():
            happened.append("alone")
            late.start()
            wait_for(lambda: len(turns._patient) == 1)
            happened.append("still alone")

    early = threading.Thread(target=work, args=("early", leave))
    late = threading.Thread(target=work, args=("late",))
    alone = threading.Thread(target=be_alone)
    early.start()
    wait_for(lambda: happened == ["early"])
    alone.start()
    wait_for(lambda: turns._alone_since_s is not None)
    assert happened == ["early"]
    leave.set()
    for thread in (early, alone, late):
        thread.join(30)
    assert happened == ["early", "alone", "still alone", "late"]


def test_nobody_waits_for_ever_for_one_that_is_alone_and_hangs_nor_does_that_one() -> None:
    turns, released = Turns(1, time.monotonic, longest_s=0.05), threading.Event()

    def hang() -> None:
        with CameraTurn(turns), turns.alone():
            released.wait(30)

    hanging = threading.Thread(target=hang)
    hanging.start()
    wait_for(lambda: turns._alone_since_s is not None)
    with CameraTurn(turns):
        assert not released.is_set()
    released.set()
    hanging.join(30)

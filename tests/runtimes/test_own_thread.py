from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from runtimes.errors import SessionError
from runtimes.own_thread import OwnThread


class Memory:
    """What an engine holds."""


@contextmanager
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def test_all_is_done_by_one_thread_in_the_order_in_which_it_was_asked_for() -> None:
    thread = OwnThread("gpu")
    names = {thread.ask(lambda: threading.current_thread().name) for _ in range(3)}
    assert names == {"gpu"}


def test_what_fails_is_the_askers_and_the_next_is_done() -> None:
    thread = OwnThread("gpu")
    with pytest.raises(ZeroDivisionError):
        thread.ask(lambda: 1 // 0)
    assert thread.ask(lambda: 1) == 1


def test_nothing_is_done_once_closed() -> None:
    thread = OwnThread("gpu")
    thread.close()
    with pytest.raises(SessionError, match="closed"):
        thread.ask(lambda: 1)


def test_what_failed_is_freed_at_once() -> None:
    thread = OwnThread("gpu")

    def fail() -> weakref.ref[Memory]:
        memory = Memory()

        def work() -> None:
            raise ValueError(memory)

        with pytest.raises(ValueError, match="Memory"):
            thread.ask(work)
        return weakref.ref(memory)

    with without_collector():
        left = fail()
        assert thread.ask(lambda: 1) == 1
        assert left() is None

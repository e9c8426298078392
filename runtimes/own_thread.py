"""A thread that does one piece of work after the other for whoever asks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

from runtimes.errors import SessionError

_Answer = TypeVar("_Answer")


class OwnThread:
    """Does what is asked for in order. It ends with its process: one that hangs in native code keeps nobody waiting but
    those who asked."""

    def __init__(self, name: str) -> None:
        self._asked: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def ask(self, work: Callable[[], _Answer]) -> _Answer:
        """What ``work`` returns, done on this thread; raises what it raises, and ``SessionError`` once closed."""
        answer: Future[_Answer] = Future()
        with self._lock:
            if self._closed:
                raise SessionError("the session is closed; open the artifact again")
            self._asked.put((work, answer))
        try:
            return answer.result()
        finally:
            # An answer that failed holds the failure, which holds this frame: a GPU's memory would stay for as long.
            del answer, work

    def close(self) -> None:
        """End it once what was asked for is done."""
        with self._lock:
            self._closed = True
            self._asked.put(None)

    def _work(self) -> None:
        while (asked := self._asked.get()) is not None:
            work, answer = asked
            try:
                answer.set_result(work())
            except BaseException as error:  # noqa: BLE001 - it is the asker's
                answer.set_exception(error)
            # Neither the work nor its answer is kept until the next is asked for.
            del asked, work, answer

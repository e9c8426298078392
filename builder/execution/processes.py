"""Tasks run in processes of this machine, each with its share of the cores and, where there are any, its own GPU."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import TYPE_CHECKING

from builder.execution.executor import Event, Failed, Finished, Lost, Told
from builder.execution.outcome import attempt
from builder.execution.task import RelayedDisplay, Task
from builder.framework import settle_worker

if TYPE_CHECKING:
    from typing_extensions import Self

STOP_S = 5.0


@dataclass
class _Worker:
    process: BaseProcess
    link: Connection
    task: Task | None = None


class ProcessExecutor:
    """``jobs`` processes, each with ``threads`` TensorFlow threads, that are started as they are needed.

    ``devices`` are the GPUs' numbers as CUDA names them: process *k* sees only that of its turn.
    """

    def __init__(self, jobs: int, threads: int = 1, devices: Sequence[str] = ()) -> None:
        self._jobs = jobs
        self._threads = threads
        self._devices = tuple(devices)
        # Never a fork: TensorFlow's threads and locks do not survive one.
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker | None] = [None] * jobs
        self._events: deque[Event] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        workers = [worker for worker in self._workers if worker is not None]
        for worker in workers:
            # A stage that is cut short leaves nothing under its name, so there is nothing to wait for.
            worker.process.kill()
            worker.link.close()
        for worker in workers:
            worker.process.join(STOP_S)

    @property
    def slots(self) -> int:
        """How many tasks can run at once."""
        return self._jobs

    def start(self, task: Task) -> None:
        """Give ``task`` to a process that is free."""
        number = next(n for n, worker in enumerate(self._workers) if worker is None or worker.task is None)
        worker = self._workers[number]
        if worker is None:
            worker = self._workers[number] = self._spawn(number)
        worker.task = task
        try:
            worker.link.send(task)
        except OSError:
            self._bury(number, task.name)

    def wait(self) -> Event:
        """Wait for the next thing that happens to any running task."""
        while not self._events:
            busy = {worker.link: n for n, worker in enumerate(self._workers) if worker is not None and worker.task}
            for link in wait(list(busy)):
                if isinstance(link, Connection):
                    self._receive(busy[link])
        return self._events.popleft()

    def _receive(self, number: int) -> None:
        worker = self._workers[number]
        if worker is None or worker.task is None:
            return
        try:
            event = worker.link.recv()
        except (EOFError, OSError):
            self._bury(number, worker.task.name)
            return
        if not isinstance(event, Told):
            worker.task = None
        self._events.append(event)

    def _bury(self, number: int, task: str) -> None:
        worker = self._workers[number]
        self._workers[number] = None
        if worker is None:
            return
        worker.link.close()
        worker.process.join(STOP_S)
        code = worker.process.exitcode
        how = f"was killed by {signal.Signals(-code).name}" if code is not None and code < 0 else f"ended with {code}"
        self._events.append(Lost(task, f"its process {how}"))

    def _spawn(self, number: int) -> _Worker:
        ours, theirs = self._context.Pipe()
        device = self._devices[number % len(self._devices)] if self._devices else None
        process = self._context.Process(target=_serve, args=(theirs, self._threads, device), daemon=True)
        process.start()
        # Held only by the process, the far end closes when it dies, which is how its loss is seen.
        theirs.close()
        return _Worker(process, ours)


def _serve(link: Connection, threads: int, device: str | None) -> None:
    """Run tasks as they come, until nobody listens any more."""
    # Ctrl-C reaches the whole group of processes; the first process of it decides, and ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if device is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = device
    Thread(target=_end_with_parent, daemon=True).start()
    settle_worker(threads)
    try:
        while True:
            task: Task = link.recv()
            link.send(_run(task, link))
    except (EOFError, OSError):
        return


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        # A stage in the middle of a computation listens to nothing else, and nobody waits for it any more.
        os._exit(1)


def _run(task: Task, link: Connection) -> Finished | Failed:
    return attempt(task, RelayedDisplay(lambda telling: link.send(Told(task.name, telling))))

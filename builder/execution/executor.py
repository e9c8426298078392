"""Tasks run side by side in the order that they need each other, and run again when their process is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeAlias

from builder.display import LanedDisplay
from builder.errors import BuilderError
from builder.execution.task import Task, Telling

ATTEMPTS = 3


class TaskError(BuilderError):
    """A task ended with an error, or its process was lost again and again."""


class TaskDefect(RuntimeError):  # noqa: N818 - it stands for an exception of another process, with its traceback
    """A task ended with an exception that no input explains."""


class Told(NamedTuple):
    """A task tells how it goes."""

    task: str
    telling: Telling


class Finished(NamedTuple):
    """A task is done."""

    task: str


class Failed(NamedTuple):
    """A task ended with an error; a ``defect`` is one that its user cannot mend, and ``reason`` holds its traceback."""

    task: str
    reason: str
    defect: bool


class Lost(NamedTuple):
    """The process of a task is gone: killed, out of memory, or its machine is away."""

    task: str
    reason: str


Event: TypeAlias = Told | Finished | Failed | Lost


class Executor(Protocol):
    """Where tasks run: each in a process of its own device, until the executor is closed."""

    @property
    def slots(self) -> int:
        """How many tasks can run at once, at least 1."""
        ...

    def start(self, task: Task) -> None:
        """Begin a task; at most ``slots`` run at once."""
        ...

    def wait(self) -> Event:
        """Wait for the next thing that happens to any running task."""
        ...


def run_tasks(tasks: Sequence[Task], executor: Executor, display: LanedDisplay, attempts: int = ATTEMPTS) -> None:
    """Run all tasks, each after those that it needs; ``display`` shows each in a lane of its own.

    A task whose process is lost is run again, ``attempts`` times in all. Raises ``TaskError`` naming the task that
    failed, and ``TaskDefect`` when it is not its user who can mend it; the others are then left as they are.
    """
    waiting = {task.name: task for task in tasks}
    running: dict[str, Task] = {}
    done: set[str] = set()
    losses: Counter[str] = Counter()
    display.stage(f"{len(tasks)} tasks, up to {executor.slots} side by side", False)
    try:
        while waiting or running:
            for task in _ready(waiting, done, executor.slots - len(running)):
                running[task.name] = waiting.pop(task.name)
                display.open_lane(task.name, task.label)
                executor.start(task)
            if not running:
                raise ValueError(f"task(s) {', '.join(waiting)} need what no task does")
            event = executor.wait()
            if isinstance(event, Told):
                event.telling.show(display.lane(event.task))
                continue
            ended = running.pop(event.task)
            display.close_lane(event.task)
            if isinstance(event, Finished):
                done.add(event.task)
                display.progress(len(done), len(tasks), f"last: {ended.label}{event.task}")
            elif isinstance(event, Lost):
                losses[event.task] += 1
                _forbid_more(ended, event, losses[event.task], attempts)
                display.warn(f"{ended.label}{event.task}: {event.reason}; it is run again")
                waiting[event.task] = ended
            else:
                _refuse(ended, event)
    finally:
        for name in running:
            display.close_lane(name)


def _ready(waiting: dict[str, Task], done: set[str], free: int) -> list[Task]:
    return [task for task in waiting.values() if done.issuperset(task.needs)][:free]


def _forbid_more(task: Task, event: Lost, losses: int, attempts: int) -> None:
    if losses >= attempts:
        raise TaskError(
            f"{task.label}{task.name}: {event.reason}, {losses} times in a row; look for what kills it (memory, most "
            "often: ask for fewer --jobs), then start the same command again: finished stages are kept"
        )


def _refuse(task: Task, event: Failed) -> None:
    if event.defect:
        raise TaskDefect(f"{task.label}{task.name}:\n{event.reason}")
    raise TaskError(f"{task.label}{task.name}: {event.reason}")

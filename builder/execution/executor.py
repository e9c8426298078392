"""Tasks run side by side in the order that they need each other, and run again when their process is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
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


def run_tasks(
    tasks: Sequence[Task],
    executor: Executor,
    display: LanedDisplay,
    attempts: int = ATTEMPTS,
    finished: Callable[[str], None] = lambda _: None,
) -> None:
    """Run all tasks that are not done, each after those that it needs; ``display`` shows each in a lane of its own, and
    ``finished`` is told the name of each that is done, whether it was before or only now.

    A task whose process is lost is run again, ``attempts`` times in all. Raises ``TaskError`` naming the task that
    failed, and ``TaskDefect`` when it is not its user who can mend it; the others are then left as they are.
    """
    course = _Course(tasks, executor, display, attempts, finished)
    if course.waiting:
        display.stage(f"{len(course.waiting)} tasks, up to {executor.slots} side by side", False)
        course.run()


class _Course:
    """Which tasks wait, run and are done."""

    def __init__(
        self,
        tasks: Sequence[Task],
        executor: Executor,
        display: LanedDisplay,
        attempts: int,
        finished: Callable[[str], None],
    ) -> None:
        self.waiting = {task.name: task for task in tasks if not task.is_done()}
        self._running: dict[str, Task] = {}
        self._done: set[str] = set()
        self._finished = finished
        self._losses: Counter[str] = Counter()
        self._executor = executor
        self._display = display
        self._attempts = attempts
        for task in tasks:
            if task.name not in self.waiting:
                self._note(task.name)

    def run(self) -> None:
        """Run them all."""
        try:
            self._fill()
            while self._running:
                self._handle(self._executor.wait())
                self._fill()
        finally:
            for name in self._running:
                self._display.close_lane(name)
        if self.waiting:
            raise ValueError(f"task(s) {', '.join(self.waiting)} need what no task does")

    def _fill(self) -> None:
        while len(self._running) < self._executor.slots and (task := self._next()) is not None:
            del self.waiting[task.name]
            # Another task may have left what this one is for: two recipes share what they have in common.
            if task.is_done():
                self._note(task.name)
                continue
            self._running[task.name] = task
            self._display.open_lane(task.name, task.label)
            self._executor.start(task)

    def _note(self, name: str) -> None:
        self._done.add(name)
        self._finished(name)

    def _next(self) -> Task | None:
        return next((task for task in self.waiting.values() if self._done.issuperset(task.needs)), None)

    def _handle(self, event: Event) -> None:
        if isinstance(event, Told):
            event.telling.show(self._display.lane(event.task))
            return
        ended = self._running.pop(event.task)
        self._display.close_lane(event.task)
        if isinstance(event, Finished):
            self._note(event.task)
            count = len(self._done) + len(self._running) + len(self.waiting)
            self._display.progress(len(self._done), count, f"last: {event.task}")
        elif isinstance(event, Failed):
            if event.defect:
                raise TaskDefect(f"{event.task}:\n{event.reason}")
            raise TaskError(f"{event.task}: {event.reason}")
        else:
            self._run_again(ended, event)

    def _run_again(self, task: Task, event: Lost) -> None:
        self._losses[event.task] += 1
        if self._losses[event.task] >= self._attempts:
            raise TaskError(
                f"{event.task}: {event.reason}, {self._losses[event.task]} times in a row; look for what kills it "
                "(memory, most often: ask for fewer --jobs), then start the same command again: finished stages are "
                "kept"
            )
        self._display.warn(f"{event.task}: {event.reason}; it is run again")
        self.waiting[event.task] = task

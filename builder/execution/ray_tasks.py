"""Tasks run on a Ray cluster: that of ``RAY_ADDRESS``, or one that is made on this machine and ends with the command.

All machines must see the folders given to the command under the same paths, and have the builder installed.
"""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from builder.errors import BuilderError
from builder.execution.executor import Event, Failed, Finished, Lost, Told
from builder.execution.outcome import attempt
from builder.execution.task import RelayedDisplay, Task, Telling
from builder.framework import settle_worker

if TYPE_CHECKING:
    from typing_extensions import Self

PATIENCE_S = 0.5
CONNECT_S = 60


class RayError(BuilderError):
    """Ray is not installed, or its cluster cannot be reached."""


class RayExecutor:
    """Each task has one GPU where the cluster has any, or else one core, and a process of its own."""

    def __init__(self, jobs: int | None = None) -> None:
        self._ray = _load_ray()
        self._jobs = jobs
        self._running: dict[Any, str] = {}
        self._events: deque[Event] = deque()

    def __enter__(self) -> Self:
        ray = self._ray
        root = str(Path(__file__).resolve().parents[2])
        # Workers import the tasks by name: they need what this process imports from.
        environment = {"env_vars": {"PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}}
        own = {} if "RAY_ADDRESS" in os.environ else {"num_cpus": self._jobs, "include_dashboard": False}
        try:
            ray.init(runtime_env=environment, log_to_driver=False, logging_level="ERROR", **own)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise RayError(
                f"no Ray cluster can be used ({error}); look at RAY_ADDRESS, or leave --executor out"
            ) from error
        resources = ray.cluster_resources()
        self._gpu = 1 if resources.get("GPU") else 0
        self._slots = self._jobs or max(1, int(resources.get("GPU") or resources.get("CPU") or 1))
        self._mail = ray.remote(num_cpus=0)(_Mailbox).remote()
        self._remote = ray.remote(max_retries=0, num_cpus=1, num_gpus=self._gpu)(_run)
        return self

    def __exit__(self, *_: object) -> None:
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._ray.shutdown()

    @property
    def slots(self) -> int:
        """How many tasks can run at once."""
        return self._slots

    def start(self, task: Task) -> None:
        """Give ``task`` to the cluster."""
        self._running[self._remote.remote(task, self._mail)] = task.name

    def wait(self) -> Event:
        """Wait for the next thing that happens to any running task."""
        while not self._events:
            ended, _ = self._ray.wait(list(self._running), timeout=PATIENCE_S)
            # Before the endings: what a task told last belongs before its end.
            current = set(self._running.values())
            self._events += [told for told in self._ray.get(self._mail.collect.remote()) if told.task in current]
            self._events += [self._ending(reference) for reference in ended]
        return self._events.popleft()

    def _ending(self, reference: Any) -> Event:  # noqa: ANN401 - Ray's object reference
        task = self._running.pop(reference)
        errors = self._ray.exceptions
        try:
            ended: Finished | Failed = self._ray.get(reference)
        except (errors.WorkerCrashedError, errors.NodeDiedError, errors.OutOfMemoryError) as error:
            return Lost(task, f"its Ray worker is gone ({type(error).__name__})")
        return ended


class _Mailbox:
    """An actor that keeps what tasks tell until it is collected."""

    def __init__(self) -> None:
        self._told: list[Told] = []

    def put(self, told: Told) -> None:
        """Keep one telling."""
        self._told.append(told)

    def collect(self) -> list[Told]:
        """What was told since the last time."""
        told, self._told = self._told, []
        return told


def _run(task: Task, mail: Any) -> Finished | Failed:  # noqa: ANN401 - a handle of Ray's
    settle_worker(1)

    def send(telling: Telling) -> None:
        mail.put.remote(Told(task.name, telling))

    return attempt(task, RelayedDisplay(send))


def _load_ray() -> ModuleType:
    try:
        import ray
    except ImportError as error:
        raise RayError(
            f"Ray cannot be imported ({error}); install it: pip install 'nexaravision[ray]', or use --executor local"
        ) from error
    module: ModuleType = ray
    return module

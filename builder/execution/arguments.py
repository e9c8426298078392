"""The options of commands that train side by side."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import AbstractContextManager

from builder.arguments import at_least_one
from builder.execution.executor import Executor
from builder.execution.processes import ProcessExecutor
from builder.execution.ray_tasks import RayExecutor
from builder.framework import load_tensorflow
from runtimes.environment import count_cores

Opening = Callable[[], AbstractContextManager[Executor]]


def add_execution(parser: argparse.ArgumentParser) -> None:
    """Add ``--jobs`` and ``--executor``."""
    parser.add_argument(
        "--jobs",
        type=at_least_one,
        metavar="N",
        help="trainings side by side, each in a process of its own (default: one a GPU, or one a core; 1: none)",
    )
    parser.add_argument(
        "--executor",
        choices=("local", "ray"),
        default="local",
        help="where they run: processes of this machine, or a Ray cluster (default: local)",
    )


def choose_executor(arguments: argparse.Namespace) -> Opening | None:
    """What opens the executor asked for; ``None`` where all is to be done in this process, with all its cores."""
    if arguments.executor == "ray":
        return lambda: RayExecutor(arguments.jobs)
    gpus = len(load_tensorflow().config.list_physical_devices("GPU"))
    cores = count_cores()
    jobs = arguments.jobs or gpus or cores
    if jobs == 1:
        return None
    threads = max(1, cores // jobs)
    return lambda: ProcessExecutor(jobs, threads, [str(number) for number in range(gpus)])

"""``python interrupted_attempt.py CONFIG PAYLOAD``: have the bundle that PAYLOAD desires put on trial, again and again,
killed each time right before the next thing that is done to a file, until one goes through. Each try is a process of
its own with an empty folder of bundles, and a line is told of what it left."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

from edge_agent.bundles.attempt import attempt
from edge_agent.bundles.desire_gate import read_desired
from edge_agent.bundles.installing import plan_installer
from edge_agent.bundles.record import current
from edge_agent.bundles.shelf import Shelf
from edge_agent.bundles.standing import accept, find_state, is_due
from edge_agent.bundles.standing_file import StandingFile
from edge_agent.config import load_config
from edge_agent.config.plan import Plan

_CHANGING = frozenset({"open", "os.rename", "os.remove", "os.chmod", "os.mkdir"})
_MOST_STEPS = 100


def main(config: str, payload: str) -> None:
    plan, wanted = Plan(load_config(Path(config)), os.environ), read_desired(payload.encode())
    installer = plan_installer(plan)
    assert installer is not None

    def pursue() -> None:
        standing = StandingFile(installer.shelf.directory)
        standing.change(partial(accept, wanted=wanted))
        attempt(installer, standing, wanted, lambda: None)

    for step in range(1, _MOST_STEPS):
        shutil.rmtree(installer.shelf.directory, ignore_errors=True)
        killed = _run(pursue, installer.shelf, step)
        left = _describe(installer.shelf)
        # Whatever was left, the next try goes through.
        again = _run(pursue, installer.shelf, _MOST_STEPS)
        told = {"killed": killed, "left": left, "again": again, "after": _describe(installer.shelf)}
        sys.stdout.write(json.dumps(told) + "\n")
        if not killed:
            return


def _run(act: Any, shelf: Shelf, last: int) -> bool:
    """Whether it was killed."""
    child = os.fork()
    if child == 0:
        _die_at(shelf, last)
        act()
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert status in {0, signal.SIGKILL}, status
    return status != 0


def _die_at(shelf: Shelf, last: int) -> None:
    steps = 0

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal steps
        if event in _CHANGING and str(arguments[0]).startswith(str(shelf.directory)):
            steps += 1
            if steps == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hear)


def _describe(shelf: Shelf) -> dict[str, Any]:
    record, standing = shelf.read(), StandingFile(shelf.directory).read()
    digest = current(record)
    return {
        "current": digest,
        "whole": digest is None or shelf.is_whole(digest),
        "state": find_state(record, standing, None)[0],
        "due": standing.desired is None or is_due(record, standing, None),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])

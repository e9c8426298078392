"""``python interrupted_install.py DIRECTORY FILE STEP``: install a bundle and be killed right before the step-th time
that anything is done to a file."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from edge_agent.bundles.record import put_on_trial
from edge_agent.bundles.shelf import Shelf

_CHANGING = frozenset({"open", "os.rename", "os.remove", "os.chmod", "os.mkdir"})


def main(directory: str, file: str, last: str) -> None:
    steps = 0

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal steps
        if event in _CHANGING and str(arguments[0]).startswith(directory):
            steps += 1
            if steps == int(last):
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hear)
    Shelf(Path(directory)).add(Path(file), put_on_trial)


if __name__ == "__main__":
    main(*sys.argv[1:])

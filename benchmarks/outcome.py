"""How a benchmark begins and ends: its figures as lines and as a file, its errors as one line each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from models.errors import NexaraError
from runtimes.environment import probe_environment

FAILED = 2
INTERRUPTED = 130


class ResultFileError(NexaraError):
    """The file asked for cannot be written."""


def run(main: Callable[[list[str]], int]) -> None:
    """Run ``main`` on the command line's arguments and exit with its code; 2 after an error, 130 after Ctrl-C."""
    try:
        code = main(sys.argv[1:])
    except NexaraError as error:
        sys.stderr.write(f"{error}\n")
        code = FAILED
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)


def tell(lines: Iterable[str]) -> None:
    """Print lines at once, each as it comes."""
    for line in lines:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def machine_line() -> str:
    """The machine that figures were measured on."""
    environment = probe_environment()
    int8 = "with" if environment.int8_dot else "without"
    return (
        f"machine: {environment.machine}, {environment.memory_bytes / 2**30:.0f} GiB, {int8} int8 vector instructions"
    )


def write_json(path: Path | None, result: msgspec.Struct) -> None:
    """Write ``result`` to ``path`` where one was asked for; raises ``ResultFileError``."""
    if path is None:
        return
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    except OSError as error:
        raise ResultFileError(f"{path}: cannot be written: {error.strerror or error}; choose another file") from error

"""The terminal and the signals, left as they were found."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from types import FrameType
from typing import NoReturn

_STDERR = 2
_ENDING = (signal.SIGTERM, signal.SIGHUP)
_CHATTER = b"INFO:"


@contextmanager
def signals_unwind() -> Iterator[None]:
    """Let SIGTERM and SIGHUP leave through every ``finally``, as Ctrl-C does; the exit code is 128 + signal."""

    def leave(number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    before = [(number, signal.signal(number, leave)) for number in _ENDING]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


@contextmanager
def stderr_held_back() -> Iterator[None]:
    """Keep stderr off the screen, native libraries' too, and print it afterwards without their chatter."""
    sys.stderr.flush()
    screen = os.dup(_STDERR)
    with TemporaryFile() as held:
        os.dup2(held.fileno(), _STDERR)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(screen, _STDERR)
            os.close(screen)
            held.seek(0)
            sys.stderr.write(b"".join(line for line in held if not line.startswith(_CHATTER)).decode(errors="replace"))

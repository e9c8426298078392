"""How tests that try what nobody would write are run, and how it is seen that they touch nothing.

A test says how many cases it tries by default. ``--hypothesis-profile=fuzz`` has each try 10,000:
``python -m pytest --hypothesis-profile=fuzz -m fuzz``.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings

PROFILE = "fuzz"
CASES = 10_000
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = {
    "os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate",
    "os.utime", "shutil.rmtree", "shutil.move", "sqlite3.connect", "subprocess.Popen", "os.system", "os.exec",
    "os.posix_spawn", "os.fork", "os.kill", "socket.bind", "socket.connect", "socket.sendto", "socket.getaddrinfo",
}  # fmt: skip
"""Of Python's audit events, those of what changes something outside of the process, or talks to somebody."""


def fuzzed(cases: int) -> settings:
    """Settings for a test that tries so many cases, or those of the profile where it is more."""
    return settings(
        max_examples=max(cases, settings.default.max_examples if settings.default else 0),
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container and key below a value."""
    for key in value if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from places(value[key])


class _Watch:
    """The one audit hook: hooks cannot be removed, so it listens only while somebody looks."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.seen: list[str] = []
        self._thread = 0
        self._added = False

    def begin(self, folder: Path) -> None:
        if not self._added:
            sys.addaudithook(self._hear)
            self._added = True
        self._thread = threading.get_ident()
        self.seen = []
        self.folder = folder

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.folder is None or threading.get_ident() != self._thread:
            return
        if event == "open":
            path, mode, flags = arguments
            written = flags & _WRITING if isinstance(flags, int) else set(str(mode)) & set("wax+")
            if written and not str(path).startswith(str(self.folder)):
                self.seen.append(f"{event} {path} {mode} {flags}")
        elif event in _CHANGES and not str(arguments[0] if arguments else "").startswith(str(self.folder)):
            self.seen.append(f"{event} {arguments}")


_WATCH = _Watch()


@contextmanager
def nothing_outside(folder: Path) -> Iterator[None]:
    """Fail when this thread writes, makes or removes a file outside of ``folder``, starts a process or uses the network
    meanwhile."""
    _WATCH.begin(folder)
    try:
        yield
    finally:
        _WATCH.folder = None
    assert _WATCH.seen == []

"""The newest lines of the log, in memory, for those who cannot read it on the device."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from edge_agent.logs import JsonLines, LogFormat, TextLines

_MOST_LINES = 1000
_MOST_BYTES = 256_000


class RecentLines(logging.Handler):
    """Keeps lines as the log itself has them, credentials left out, the newest within bounds of number and bytes."""

    def __init__(self, format_: LogFormat) -> None:
        super().__init__()
        self.setFormatter(JsonLines() if format_ == "json" else TextLines())
        self._lines: deque[tuple[int, str]] = deque()
        self._bytes = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Called with the handler's lock held."""
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 as the log's other handlers: a message that cannot be written ends nothing
            self.handleError(record)
            return
        self._lines.append((record.levelno, line))
        self._bytes += len(line.encode(errors="replace"))
        while len(self._lines) > _MOST_LINES or (self._bytes > _MOST_BYTES and len(self._lines) > 1):
            self._bytes -= len(self._lines.popleft()[1].encode(errors="replace"))

    def newest(self, most: int, level: int, most_bytes: int) -> list[str]:
        """The newest lines at or above a level, oldest first, together no more than ``most_bytes``."""
        self.acquire()
        try:
            kept = list(self._lines)
        finally:
            self.release()
        lines: list[str] = []
        for number, line in reversed(kept):
            if number < level:
                continue
            most_bytes -= len(line.encode(errors="replace"))
            if len(lines) == most or most_bytes < 0:
                break
            lines.append(line)
        return lines[::-1]


@contextmanager
def keeping(recent: RecentLines) -> Iterator[None]:
    """Have ``recent`` hear the whole process's log until left."""
    logging.getLogger().addHandler(recent)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(recent)

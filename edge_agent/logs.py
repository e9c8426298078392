"""The log, as text for a person or as one JSON object a line for a machine; credentials in neither."""

from __future__ import annotations

import logging
import re
import sys
from datetime import datetime, timezone
from typing import Literal

import msgspec

from edge_agent.delivery.timestamp import rfc3339

log = logging.getLogger(__name__)

LogFormat = Literal["text", "json"]

_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_CREDENTIALS = re.compile(r"(?<=://)[^\s/@'\"]+@")
# journald breaks lines above 48 kB in two, and half an object is none.
_MOST_EXCEPTION = 8_192
_MOST_MESSAGE = 4_096
# Cameras' threads are named for them.
_CAMERA_THREAD = "camera "


class TextLines(logging.Formatter):
    """Lines for a person; a traceback takes lines of its own."""

    def __init__(self) -> None:
        super().__init__(_TEXT)

    def format(self, record: logging.LogRecord) -> str:
        return _redact(super().format(record))


class JsonLines(logging.Formatter):
    """One JSON object a line: ``time`` (RFC 3339, UTC), ``level``, ``logger``, ``message``, and where there are any
    ``camera`` and ``exception``, a traceback of which the end is kept."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": rfc3339(datetime.fromtimestamp(record.created, timezone.utc)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _redact(record.getMessage())[:_MOST_MESSAGE],
        }
        thread = record.threadName or ""
        if hasattr(record, "camera"):
            line["camera"] = record.camera
        elif thread.startswith(_CAMERA_THREAD):
            line["camera"] = thread.removeprefix(_CAMERA_THREAD)
        if record.exc_info:
            line["exception"] = _redact(self.formatException(record.exc_info))[-_MOST_EXCEPTION:]
        return msgspec.json.encode(line).decode()


def tell_failure(error: Exception) -> None:
    """Say on stderr why a command failed, in the form that the log has."""
    if any(isinstance(handler.formatter, JsonLines) for handler in logging.getLogger().handlers):
        log.critical("%s", error)
    else:
        sys.stderr.write(f"nexara-edge: {error}\n")


def start_log(format_: LogFormat) -> None:
    """Have the whole process log to stderr from now on."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if format_ == "json" else TextLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _redact(text: str) -> str:
    """A library's own message may hold the address that it was given, credentials and all."""
    return _CREDENTIALS.sub("***@", text)

"""``logs``: the newest lines of the agent's log."""

from __future__ import annotations

import logging
from typing import Annotated, Literal

import msgspec

from edge_agent.commands.gate import Admitted
from edge_agent.recent_lines import RecentLines

_MOST_BYTES = 48_000
_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class LogsArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many lines, and from which level on."""

    lines: Annotated[int, msgspec.Meta(ge=1, le=500)] = 100
    level: Literal["info", "warning", "error"] = "info"


class LogsResult(msgspec.Struct, frozen=True, kw_only=True):
    """Lines as the log has them, oldest first; fewer than asked for where there are no more, or they are long."""

    lines: tuple[str, ...]


class Logs:
    """Tells what was logged since the agent started."""

    def __init__(self, recent: RecentLines) -> None:
        self._recent = recent

    def act(self, arguments: LogsArguments, _request: Admitted) -> LogsResult:
        level = _LEVELS[arguments.level]
        return LogsResult(lines=tuple(self._recent.newest(arguments.lines, level, _MOST_BYTES)))

"""``restart``: the agent ends cleanly, and its service manager starts it again."""

from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec

from edge_agent.commands.errors import CommandError
from edge_agent.commands.gate import Admitted


class RestartArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """None."""


class RestartResult(msgspec.Struct, frozen=True, kw_only=True):
    """That it ends now."""

    ran_s: float


class Restart:
    """Tells the agent to stop. Not before ``after_s``: a unit that is started ten times within ten minutes is given up
    by systemd until a person comes."""

    def __init__(self, stop: threading.Event, after_s: float, clock: Callable[[], float]) -> None:
        """``clock`` is monotonic seconds; the agent starts now."""
        self._stop = stop
        self._after_s = after_s
        self._clock = clock
        self._started_s = clock()

    def act(self, _arguments: RestartArguments, _request: Admitted) -> RestartResult:
        """Raises ``CommandError`` for one that comes too soon."""
        ran_s = self.require_rested()
        self.begin()
        return RestartResult(ran_s=round(ran_s, 1))

    def begin(self) -> None:
        """Have the agent end."""
        self._stop.set()

    def require_rested(self) -> float:
        """How long the agent has run; raises ``CommandError`` where that is too short for a restart."""
        ran_s = self._clock() - self._started_s
        if ran_s < self._after_s:
            text = f"found an agent that started {ran_s:.0f} s ago; allowed is a restart after {self._after_s:g} s"
            raise CommandError("failed", f"{text} ([commands] restart_after_s); wait")
        return ran_s

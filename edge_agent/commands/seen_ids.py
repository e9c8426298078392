"""Which requests were taken before: none is done twice."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone

import msgspec

from edge_agent.kept_times import read_times
from edge_agent.state_file import StateError, StateFile

log = logging.getLogger(__name__)

MOST = 1024
"""Ids that can be kept at once; each is for twice the window at most."""


class SeenIds:
    """Ids of requests, kept for as long as the same request would still pass for a new one, over restarts too.

    Full of such, it takes no further request: to forget one would let it be replayed. On one thread.
    """

    def __init__(self, window_s: float, file: StateFile) -> None:
        """Takes up what ``file`` holds; one that cannot be used is set aside."""
        self._window = timedelta(seconds=window_s)
        self._file = file
        self._until = read_times(file)

    def holds(self, operator: str, id_: str, now: datetime) -> bool:
        """Whether this request was taken before."""
        self._until = {key: until for key, until in self._until.items() if until >= now}
        return _key(operator, id_) in self._until

    @property
    def full(self) -> bool:
        return len(self._until) >= MOST

    def add(self, operator: str, id_: str, issued_at: datetime) -> None:
        """Take note of one that is about to be done. A disk that takes no writes is told, and the id is then known
        until the next restart."""
        self._until[_key(operator, id_)] = issued_at.astimezone(timezone.utc) + self._window
        try:
            self._file.write(msgspec.json.encode(self._until))
        except StateError as error:
            log.error("%s; what was taken before is forgotten by a restart", error)  # noqa: TRY400 it says it all


def _key(operator: str, id_: str) -> str:
    return f"{operator} {id_}"

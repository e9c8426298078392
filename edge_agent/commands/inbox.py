"""Requests that wait for the thread that does them."""

from __future__ import annotations

import queue

from edge_agent.delivery.request import Request

_MOST_WAITING = 32


class Inbox:
    """A bounded queue of requests: what comes when it is full is dropped and counted, so that whoever floods it costs
    neither memory nor the courier's time."""

    def __init__(self) -> None:
        self._requests: queue.Queue[Request] = queue.Queue(_MOST_WAITING)
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Requests that found it full."""
        return self._dropped

    def put(self, request: Request) -> None:
        """Take a request; never waits, to be called by one thread."""
        try:
            self._requests.put_nowait(request)
        except queue.Full:
            self._dropped += 1

    def take(self, timeout_s: float) -> Request | None:
        """The oldest request; ``None`` if there was none within the time."""
        try:
            return self._requests.get(timeout=timeout_s)
        except queue.Empty:
            return None

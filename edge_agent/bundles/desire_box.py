"""The newest desire that was heard, on its way from the courier to the thread that pursues it."""

from __future__ import annotations

import threading

from edge_agent.delivery.request import Request


class DesireBox:
    """Holds one request: what is desired now takes the place of what was."""

    def __init__(self) -> None:
        self._bell = threading.Event()
        self._heard: Request | None = None
        self._halted = self._nudged = False

    def put(self, request: Request) -> None:
        """Take note of what is desired; never waits."""
        self._heard = request
        self._bell.set()

    def nudge(self) -> None:
        """Have whoever waits here look around."""
        self._nudged = True
        self._bell.set()

    def halt(self) -> None:
        """Have whoever waits here end."""
        self._halted = True
        self._bell.set()

    @property
    def halted(self) -> bool:
        return self._halted

    @property
    def rings(self) -> bool:
        """Whether there is something new, or the end."""
        return self._halted or self._nudged or self._heard is not None

    def wait(self, timeout_s: float) -> None:
        """Until there is something new, or for the time."""
        self._bell.wait(timeout_s)

    def take(self) -> Request | None:
        """What came since it was asked for last."""
        self._bell.clear()
        request, self._heard, self._nudged = self._heard, None, False
        if self._halted:
            self._bell.set()
        return request

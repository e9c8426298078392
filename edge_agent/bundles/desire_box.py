"""The newest that was heard of desires, on its way from the courier to the thread that pursues them."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from edge_agent.delivery.request import Request


@dataclass(frozen=True, slots=True)
class SessionBegan:
    """A session with a broker began, which tells anew what is desired, if anything is."""


class DesireBox:
    """Holds one thing that was heard: it takes the place of what was."""

    def __init__(self) -> None:
        self._bell = threading.Event()
        # Both ends are used by a thread each: one that holds at most one needs no lock to lose nothing.
        self._heard: deque[Request | SessionBegan] = deque(maxlen=1)
        self._halted = self._nudged = False

    def put(self, request: Request) -> None:
        """Take note of what is desired; never waits."""
        self._heard.append(request)
        self._bell.set()

    def begin(self) -> None:
        """Take note that a session begins, before anything is heard in it; never waits."""
        self._heard.append(SessionBegan())
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
        return self._halted or self._nudged or bool(self._heard)

    def wait(self, timeout_s: float) -> None:
        """Until there is something new, or for the time."""
        self._bell.wait(timeout_s)

    def take(self) -> Request | SessionBegan | None:
        """What came since it was asked for last."""
        self._bell.clear()
        self._nudged = False
        heard = self._heard.popleft() if self._heard else None
        if self._halted:
            self._bell.set()
        return heard

"""How long the demo has been running."""

from __future__ import annotations

from collections.abc import Callable


class Stopwatch:
    """Seconds since it was made, on the monotonic ``clock`` given."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began = clock()

    def elapsed(self) -> float:
        return self._clock() - self._began

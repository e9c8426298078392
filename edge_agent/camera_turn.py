"""A camera's way to its turns, which an idle one may wait for longer than one that is awake."""

from __future__ import annotations

from types import TracebackType

from edge_agent.turns import Turns


class CameraTurn:
    """A context in which one camera computes; its ``Turn`` to a source."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._awake = False
        self._waited_s = 0.0

    def __enter__(self) -> None:
        self._waited_s = self._turns.enter(hurries=self._awake)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._turns.leave()

    def hurry(self, *, awake: bool) -> None:
        """Say whether the camera is awake, from any thread: one that is comes before those that are not."""
        self._awake = awake

    def miss(self) -> None:
        """Say that the camera leaves out a picture since it is behind; it counts if it had to wait for its last
        turn."""
        self._turns.miss(self._waited_s)

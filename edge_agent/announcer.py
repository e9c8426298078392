"""When a camera's state is worth a message: at once when it changed or the camera is judged for the first time, else
now and then for its score; pure."""

from __future__ import annotations

from dataclasses import replace

from edge_agent.events import CameraState


class Announcer:
    """One camera's states, thinned out."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._told: CameraState | None = None
        self._told_s = 0.0

    def due(self, state: CameraState, now_s: float) -> bool:
        """Whether to tell ``state`` now; it counts as told then."""
        told = self._told
        if told is not None and replace(told, score=state.score, at=state.at) == state:
            # That a camera is judged at last is news, how high its score is can wait.
            wait_s = 0.0 if told.score is None else self._interval_s
            if state.score == told.score or now_s - self._told_s < wait_s:
                return False
        self._told, self._told_s = state, now_s
        return True

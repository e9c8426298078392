"""Whether the agent gets on with its work: what the watchdog is fed by."""

from __future__ import annotations

from collections.abc import Callable

from edge_agent.notifier import Notifier
from edge_agent.observation import Observation

_FEED_INTERVAL_S = 5.0


class Vigil:
    """Feeds the watchdog while samples are judged, never by the clock alone.

    Progress is a camera whose samples are judged, or that no camera is connected: a site without pictures must be
    reported, not restarted. A connected camera of which nothing is judged, or a delivery thread that died, starves the
    watchdog, and the service manager restarts the agent.
    """

    def __init__(self, notifier: Notifier, delivers: Callable[[], bool], clock: Callable[[], float]) -> None:
        """``delivers`` says whether delivery's threads run; ``clock`` is monotonic seconds."""
        self._notifier = notifier
        self._delivers = delivers
        self._clock = clock
        self._connected: dict[str, bool] = {}
        self._fed_s: float | None = None

    def observe(self, observation: Observation) -> None:
        """Take note of one camera; the first says that the agent is ready."""
        if not self._connected:
            self._notifier.ready()
        self._connected[observation.camera] = observation.connection == "connected"
        moves = observation.samples_per_s > 0 or not any(self._connected.values())
        now_s = self._clock()
        rested = self._fed_s is None or now_s - self._fed_s >= _FEED_INTERVAL_S
        if moves and rested and self._delivers():
            self._fed_s = now_s
            self._notifier.alive()

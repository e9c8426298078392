"""Pictures that somebody waits for: a camera's next judged one, handed over as it comes."""

from __future__ import annotations

import threading
from concurrent.futures import Future

from edge_agent.frame import Image


class PictureDesk:
    """Where one thread asks for a camera's next picture and another hands it over; nothing is kept for those who do
    not ask, since a decoded picture takes megabytes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted: dict[str, Future[Image]] = {}

    def ask(self, camera: str) -> Future[Image]:
        """The next picture of a camera that is judged, once it is there."""
        with self._lock:
            return self._wanted.setdefault(camera, Future())

    def withdraw(self, camera: str) -> None:
        """Nobody waits for a camera's picture any more."""
        with self._lock:
            self._wanted.pop(camera, None)

    def offer(self, camera: str, image: Image) -> None:
        """Hand a judged picture to whoever waits; never waits itself."""
        if camera not in self._wanted:
            return
        with self._lock:
            wanted = self._wanted.pop(camera, None)
        if wanted is not None:
            wanted.set_result(image)

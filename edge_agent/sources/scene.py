"""Drawn footage as a source: a world with a known truth, for demonstrations and tests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.frame import Frame, fit
from edge_agent.sources.sink import PacketSink
from edge_agent.sources.source import Need, SourceOptions, SourceUriError
from models.preprocessing import Luma

# Drawing is for demonstrations: an agent that watches cameras starts sooner without it.
if TYPE_CHECKING:
    from scenes import Footage, SceneSpec, WallSpec


class SceneImage:
    """A picture that is drawn when somebody looks: drawing costs more than everything else done with it."""

    def __init__(self, footage: Footage, index: int) -> None:
        self._footage = footage
        self._index = index
        self._drawn: NDArray[np.uint8] | None = None

    @property
    def size(self) -> tuple[int, int]:
        return self._footage.height, self._footage.width

    def luma(self) -> Luma:
        return np.asarray(cv2.cvtColor(self._draw(), cv2.COLOR_BGR2GRAY), dtype=np.uint8)

    def colour(self, largest_side: int) -> NDArray[np.uint8]:
        height, width = fit(self.size, largest_side)
        return np.asarray(cv2.resize(self._draw(), (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)

    def _draw(self) -> NDArray[np.uint8]:
        if self._drawn is None:
            self._drawn = self._footage.frame(self._index).image
        return self._drawn


class SceneSource:
    """Plays footage by the clock, leaving out what there was no time for, or frame by frame as fast as it is judged.
    ``loop`` starts it over at its end, as a new segment of a clock that runs on."""

    skipped = 0
    decoding = "drawing"

    def __init__(self, footage: Footage, options: SourceOptions, *, loop: bool, clock: Callable[[], float]) -> None:
        self._footage = footage
        self._realtime = options.realtime
        self._loop = loop
        self._clock = clock
        self._start_s: float | None = None
        self._index = -1

    def read(self, stop: threading.Event) -> Frame | None:
        self._index = self._next_due(stop) if self._realtime else self._index + 1
        round_, index = divmod(self._index, self._footage.frame_count)
        if stop.is_set() or (round_ and not self._loop):
            return None
        return Frame(self._index / self._footage.fps, round_, SceneImage(self._footage, index))

    def close(self) -> None:
        """Nothing is held."""

    def _next_due(self, stop: threading.Event) -> int:
        now = self._clock()
        if self._start_s is None:
            self._start_s = now
        index = max(self._index + 1, int((now - self._start_s) * self._footage.fps))
        stop.wait(max(0.0, self._start_s + index / self._footage.fps - now))
        return index


def open_scene_source(
    rest: str, options: SourceOptions, clock: Callable[[], float], _needed: Need, _sink: PacketSink | None
) -> SceneSource:
    """``scene:…``, the grammar of ``scenes.parse_scene``; raises ``SourceUriError``."""
    from scenes import SceneSpec, open_scene

    spec = read_scene(rest)
    loop = spec.loop if isinstance(spec, SceneSpec) else spec.cells[0].loop
    return SceneSource(open_scene(f"scene:{rest}"), options, loop=loop or options.loop, clock=clock)


def read_scene(rest: str) -> SceneSpec | WallSpec:
    """What ``scene:…`` asks for; raises ``SourceUriError``."""
    from scenes import SceneError, parse_scene

    try:
        return parse_scene(f"scene:{rest}")
    except SceneError as error:
        raise SourceUriError(f"scene:{rest}: {error}") from error

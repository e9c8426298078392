"""A source whose opening and reading are timed."""

from __future__ import annotations

import threading
from collections.abc import Callable

from edge_agent.frame import Frame
from edge_agent.sources.source import Source
from edge_agent.tracer import Tracer


class TimedSource:
    """Reads ``source`` for ``camera``. What passes in a read is mostly the wait for the camera, or for a recording's
    pace; what its thread computes is decoding."""

    def __init__(self, source: Source, camera: str, tracer: Tracer) -> None:
        self._source = source
        self._camera = camera
        self._tracer = tracer

    @property
    def skipped(self) -> int:
        return self._source.skipped

    @property
    def decoding(self) -> str:
        return self._source.decoding

    def read(self, stop: threading.Event) -> Frame | None:
        with self._tracer.timed("decode", self._camera):
            frame = self._source.read(stop)
        if frame is not None:
            self._tracer.frame_read(self._camera)
        return frame

    def close(self) -> None:
        self._source.close()


def open_timed(open_: Callable[[], Source], camera: str, tracer: Tracer) -> TimedSource:
    """Open what ``open_`` opens; raises what it raises."""
    with tracer.timed("open", camera):
        source = open_()
    return TimedSource(source, camera, tracer)

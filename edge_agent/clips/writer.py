"""The one thread that writes every camera's clips."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

import msgspec

from edge_agent.clips.errors import ClipError
from edge_agent.clips.film import Film
from edge_agent.clips.footage import Finished, Footage, FootageQueue
from edge_agent.clips.recorder import CameraRecorder
from edge_agent.clips.shelf import Shelf

log = logging.getLogger(__name__)

_TICK_S = 1.0
# Clips grow old while none is written.
_PRUNE_EVERY_S = 600.0
_END_WITHIN_S = 10.0


class ClipWriter:
    """Writes what is in ``queue`` onto ``shelf``, and keeps that within its limits. A disk that takes no writes costs
    the clips of that time and is told in the log; the next clip tries anew."""

    def __init__(
        self,
        queue: FootageQueue,
        shelf: Shelf,
        recorders: Sequence[CameraRecorder],
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        """``clock`` is monotonic seconds, ``wall`` seconds since the epoch."""
        self._queue = queue
        self._shelf = shelf
        self._recorders = recorders
        self._clock = clock
        self._wall = wall
        # A clip that failed has no film: the rest of its footage is let go.
        self._films: dict[str, Film | None] = {}
        self._prune_s = clock()
        self._thread = threading.Thread(target=self._run, name="clips", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """End all clips in progress, write what waits and end, within 10 s."""
        for recorder in self._recorders:
            recorder.close()
        self._queue.close()
        self._thread.join(_END_WITHIN_S)

    def _run(self) -> None:
        self._try(self._shelf.tidy)
        self._prune()
        while True:
            job = self._queue.take(_TICK_S)
            if isinstance(job, Footage):
                self._write(job)
            elif job is not None:
                self._finish(job)
            elif self._queue.closed:
                return
            now_s = self._clock()
            for recorder in self._recorders:
                recorder.tend(now_s)
            if now_s >= self._prune_s:
                self._prune()

    def _write(self, footage: Footage) -> None:
        if footage.path not in self._films:
            self._films[footage.path] = None
            self._try(lambda: self._begin(footage))
        film = self._films[footage.path]
        if film is not None and not self._try(lambda: film.write(footage.pictures)):
            film.abandon()
            self._films[footage.path] = None

    def _begin(self, footage: Footage) -> None:
        self._films[footage.path] = Film(self._shelf.part(footage.path), footage.form)

    def _finish(self, finished: Finished) -> None:
        film = self._films.pop(finished.path, None)
        if film is None:
            log.error("no clip of incident %s: it could not be written", finished.facts.incident)
        elif self._try(lambda: self._publish(film, finished)):
            cut = f", cut ({finished.facts.cut})" if finished.facts.cut else ""
            log.info("clip %s: %.1f s%s", finished.path, finished.facts.duration_s, cut)
        else:
            film.abandon()
        self._prune()

    def _publish(self, film: Film, finished: Finished) -> None:
        film.close()
        facts = msgspec.json.format(msgspec.json.encode(finished.facts), indent=2) + b"\n"
        self._shelf.publish(finished.path, facts)

    def _prune(self) -> None:
        self._prune_s = self._clock() + _PRUNE_EVERY_S
        self._try(self._prune_shelf)

    def _prune_shelf(self) -> None:
        gone = self._shelf.prune(self._wall())
        if gone:
            log.info("%d old clip(s) removed, to keep to [clips]", gone)

    def _try(self, work: Callable[[], None]) -> bool:
        try:
            work()
        except ClipError as error:
            log.error("%s", error)  # noqa: TRY400 the message says it all
        except Exception:  # the last place that hears of it: the next clip must find its thread
            log.exception("a clip failed in an unforeseen way")
        else:
            return True
        return False

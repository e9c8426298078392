"""A thread that writes cameras' clips: one for all that are copied, and one for all that are encoded."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec

from edge_agent.clips.errors import ClipError
from edge_agent.clips.film import Film
from edge_agent.clips.footage import Finished, Footage, FootageQueue
from edge_agent.clips.recorder import CameraRecorder
from edge_agent.clips.redacted_film import RedactedFilm
from edge_agent.clips.shelf import Shelf

log = logging.getLogger(__name__)

_TICK_S = 1.0
# Clips grow old while none is written.
_PRUNE_EVERY_S = 600.0
_END_WITHIN_S = 10.0
# An encoded film in the making holds some 26 MB, most of it pictures that wait and those of the two codecs.
MOST_ENCODED = 4


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
        *,
        yields: int = 0,
    ) -> None:
        """``clock`` is monotonic seconds, ``wall`` seconds since the epoch. ``yields`` is how far its thread stands
        back when others want the processor, 0 to 19 (``nice``)."""
        self._queue = queue
        self._shelf = shelf
        self._recorders = recorders
        self._clock = clock
        self._wall = wall
        # A clip that failed has no film: the rest of its footage is let go.
        self._films: dict[str, Film | RedactedFilm | None] = {}
        self._yields = yields
        self._prune_s = clock()
        self._thread = threading.Thread(target=self._run, name="clips", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """End all clips in progress, and the thread once it has written what waits."""
        for recorder in self._recorders:
            recorder.close()
        self._queue.close()

    def join(self) -> None:
        """Wait for the thread, 10 s at most: what is not written then is given up."""
        self._thread.join(_END_WITHIN_S)

    def _run(self) -> None:
        if self._yields:
            with suppress(OSError, AttributeError):
                thread = threading.get_native_id()
                # Root may raise a priority too, which a unit with a lower one of its own would not want.
                nice = max(self._yields, os.getpriority(os.PRIO_PROCESS, thread))
                os.setpriority(os.PRIO_PROCESS, thread, nice)
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
        part = self._shelf.part(footage.path)
        if footage.redaction is None:
            self._films[footage.path] = Film(part, footage.form)
            return
        encoded = sum(isinstance(film, RedactedFilm) for film in self._films.values())
        if encoded >= MOST_ENCODED:
            raise ClipError(f"{part}: not made: {encoded} clips are being encoded, and their memory is bounded")
        self._films[footage.path] = RedactedFilm(part, footage.form, footage.redaction)

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

    def _publish(self, film: Film | RedactedFilm, finished: Finished) -> None:
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

"""Films drawn one after another, or side by side in processes that each take a share of them."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import cast

from scenes.errors import SceneError
from scenes.film import write_film
from scenes.truth import Footage

Progress = Callable[[int, int, Path], None]


@dataclass(frozen=True, slots=True)
class FilmTask:
    """One film to write: ``make`` gives its footage, and can be pickled; ``compression`` is 0 to 1."""

    make: Callable[[], Footage]
    film: Path
    truth: Path
    compression: float = 0.3

    def is_done(self) -> bool:
        """Whether the film and its truth are there, whole."""
        return self.film.exists() and self.truth.exists()

    def draw(self) -> None:
        """Write it. Raises ``OSError`` where that cannot be done."""
        write_film(self.make(), self.film, self.truth, compression=self.compression)


def draw_films(tasks: Sequence[FilmTask], workers: int, progress: Progress | None) -> None:
    """Write all films that are not there yet, in ``workers`` processes; one is this very process.

    ``progress`` is told how many of how many are there, and the newest. Films do not depend on ``workers``. Raises
    ``SceneError`` without a worker or when one dies, and what drawing raises.
    """
    if workers < 1:
        raise SceneError(f"{workers} workers asked for; give at least 1")
    missing = []
    count = 0

    def tell(film: Path) -> None:
        nonlocal count
        count += 1
        if progress is not None:
            progress(count, len(tasks), film)

    for task in tasks:
        if task.is_done():
            tell(task.film)
        else:
            missing.append(task)
    if min(workers, len(missing)) > 1:
        _draw_side_by_side(missing, min(workers, len(missing)), tell)
        return
    for task in missing:
        task.draw()
        tell(task.film)


def _draw_side_by_side(tasks: Sequence[FilmTask], workers: int, tell: Callable[[Path], None]) -> None:
    # Never a fork: whoever asks may have threads.
    context = multiprocessing.get_context("spawn")
    at_work: dict[Connection, BaseProcess] = {}
    try:
        for number in range(workers):
            ours, theirs = context.Pipe(duplex=False)
            at_work[ours] = context.Process(target=_draw_share, args=(tasks[number::workers], theirs), daemon=True)
            at_work[ours].start()
            # The worker alone holds its end, so that its death ends the link, and ours ends the worker.
            theirs.close()
        while at_work:
            for link in wait(list(at_work)):
                _hear(cast("Connection", link), at_work, tell)
    finally:
        for process in at_work.values():
            process.kill()
            process.join()


def _hear(link: Connection, at_work: dict[Connection, BaseProcess], tell: Callable[[Path], None]) -> None:
    try:
        said = link.recv()
    except EOFError:
        process = at_work.pop(link)
        process.join()
        if process.exitcode:
            raise SceneError(
                f"a process that drew films died with {process.exitcode}; the same command goes on from here"
            ) from None
        return
    if isinstance(said, Exception):
        raise said
    tell(said)


def _draw_share(tasks: Sequence[FilmTask], link: Connection) -> None:
    # Whoever interrupts a command interrupts all its processes; this one ends when the first does.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for task in tasks:
        said: Path | Exception = task.film
        try:
            task.draw()
        except (OSError, SceneError) as error:
            said = error
        try:
            link.send(said)
        except BrokenPipeError:
            # Nobody waits for the rest.
            return

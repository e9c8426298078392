"""Films that cameras are pretended to see: ordinary footage, and drawn streams that are kept once they are drawn."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_agent.sources.source import SourceOptions
from edge_agent.sources.video import VideoReader
from models.errors import NexaraError
from models.manifest import Preprocessing
from models.preprocessing import shrink
from runtimes.environment import count_cores
from scenes import Interval, stream_spec, write_streams

FPS = 10.0
SIZE = (640, 360)
VIDEOS = frozenset({".mp4", ".avi", ".mkv", ".mov"})
Progress = Callable[[str], None]


class FilmError(NexaraError):
    """There is no film to watch."""


@dataclass(frozen=True, slots=True)
class Film:
    """A film's file, the kind of ``place`` it shows, and when somebody fights in it."""

    path: Path
    place: str
    fights: tuple[Interval, ...] = ()


@dataclass(frozen=True, slots=True)
class Frames:
    """A film's frames as the agent keeps them: ``times_s (F,)`` from 0, rising, and luma ``shrunk (F, H, W) uint8``."""

    times_s: NDArray[np.float64]
    shrunk: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Drawing:
    """``count`` streams of ``seconds`` each, drawn from ``seed``, with one fight in each or none at all."""

    count: int
    seconds: float
    seed: int
    fight: bool


def draw(drawing: Drawing, cache: Path, tell: Progress) -> tuple[Film, ...]:
    """Draw the streams under ``cache``; those that are there already are kept, so that an interrupted run goes on."""
    kind = "fight" if drawing.fight else "calm"
    films = write_streams(
        cache / f"{kind}-seed{drawing.seed}-{drawing.seconds:g}s",
        drawing.count,
        drawing.seconds,
        drawing.seed,
        fight=drawing.fight,
        fps=FPS,
        size=SIZE,
        workers=count_cores(),
        progress=lambda done, count, _: tell(f"{kind} scene {done} of {count} drawn"),
    )
    found = []
    for index, path in enumerate(films):
        spec = stream_spec(drawing.seed, index, drawing.seconds, fight=drawing.fight, fps=FPS, size=SIZE)
        found.append(Film(path, f"{spec.place} by {'night' if spec.night else 'day'}", spec.fights))
    return tuple(found)


def find_footage(folder: Path) -> tuple[Film, ...]:
    """Every video of a folder of ordinary footage, each a place of its own; raises ``FilmError`` for none."""
    paths = sorted(path for path in folder.glob("*") if path.suffix in VIDEOS) if folder.is_dir() else []
    if not paths:
        raise FilmError(f"{folder}: no video found ({', '.join(sorted(VIDEOS))}); name a folder with ordinary footage")
    return tuple(Film(path, path.name) for path in paths)


def read_frames(film: Film, preprocessing: Preprocessing) -> Frames:
    """Decode a film as the agent does. Raises ``SourceError`` for one that cannot be read, ``FilmError`` for one
    without frames."""
    times: list[float] = []
    shrunk = []
    with closing(VideoReader(str(film.path), SourceOptions(realtime=False), lambda: 0.0)) as reader:
        while (read := reader.read()) is not None:
            if not times or read[0] > times[-1]:
                times.append(read[0])
                shrunk.append(shrink(read[1].luma(), preprocessing))
    if not times:
        raise FilmError(f"{film.path}: no frame could be read; replace the file or remove it")
    return Frames(np.array(times), np.stack(shrunk))

"""A folder of drawn clips, laid out as the builder reads real ones: ``fight/``, ``noFight/`` and ``clips.csv``."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from scenes.casting import random_spec
from scenes.drawing import FilmTask, Progress, draw_films
from scenes.errors import SceneError
from scenes.scene import Scene
from scenes.spec import MAX_SEED, SceneSpec
from scenes.truth import Footage
from scenes.wall import MOST, Wall

# Clips of one folder have neighbouring seeds; folders of different seeds must not share any.
SEEDS_A_FOLDER = 1_000_000
STREAM_SEEDS = 500_000


@dataclass(frozen=True, slots=True)
class Clip:
    """One line of ``clips.csv``; ``path`` is relative to the folder."""

    path: str
    label: str
    source: str


def write_clips(
    out: Path,
    count: int,
    seconds: float,
    seed: int,
    *,
    calm: int = 0,
    fps: float | None = None,
    size: tuple[int, int] | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> tuple[Clip, ...]:
    """Write ``count`` clips, every second one a fight, and after them ``calm`` ones without, each a source of its own,
    with its truth in ``truth/``.

    A clip that is there already is kept, so an interrupted run goes on where it stopped. ``workers`` processes draw
    them, the same whatever their number. ``progress`` is told how many of how many are done, and the clip. Raises
    ``SceneError`` for a bad argument, ``OSError`` for a bad folder.
    """
    if calm < 0:
        raise SceneError(f"{calm} calm clips asked for; give 0 or more")
    if count < 0 or count + calm < 1:
        raise SceneError(f"{count} clips asked for; give at least 1")
    if count + calm > STREAM_SEEDS:
        raise SceneError(f"{count + calm} clips asked for; one folder holds {STREAM_SEEDS} at most")
    _check_seed(seed)
    clips = tuple(_name(index, fight=index % 2 == 0 and index < count) for index in range(count + calm))
    tasks = []
    for index, clip in enumerate(clips):
        spec = random_spec(
            seed * SEEDS_A_FOLDER + index, fight=clip.label == "fight", duration_s=seconds, fps=fps, size=size
        )
        # The codec compresses; a picture already compressed as JPEG would pay twice.
        make = partial(Scene, replace(spec, compression=0.0))
        tasks.append(FilmTask(make, out / clip.path, out / "truth" / f"{clip.source}.jsonl", spec.compression))
    draw_films(tasks, workers, progress)
    _list(out / "clips.csv", clips)
    return clips


def _check_seed(seed: int) -> None:
    most = MAX_SEED // SEEDS_A_FOLDER - 1
    if not 0 <= seed <= most:
        raise SceneError(f"seed is {seed}; give a value from 0 to {most}")


def _name(index: int, *, fight: bool) -> Clip:
    label, source = "fight" if fight else "noFight", f"scene-{index:06d}"
    return Clip(f"{label}/{source}.mp4", label, source)


def _list(path: Path, clips: tuple[Clip, ...]) -> None:
    part = path.with_name(path.name + ".part")
    with part.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(("clip", "label", "source"))
        writer.writerows((clip.path, clip.label, clip.source) for clip in clips)
    part.replace(path)


def write_streams(
    out: Path,
    count: int,
    seconds: float,
    seed: int,
    *,
    fight: bool = True,
    fps: float | None = None,
    size: tuple[int, int] | None = None,
    wall: tuple[int, int] | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> tuple[Path, ...]:
    """Write ``count`` long films to ``streams/``, each with one fight among calm acts, with its truth in ``truth/``.

    Without ``fight`` all acts are calm. With ``wall`` (rows, columns) each film is a wall of cameras, one of which sees
    the fight. Films that are there already are kept; ``workers`` processes draw the others. Raises ``SceneError`` for a
    bad argument, ``OSError`` for a bad folder.
    """
    if count < 1:
        raise SceneError(f"{count} streams asked for; give at least 1")
    _check_seed(seed)
    films = tuple(out / "streams" / f"stream-{index:06d}.mp4" for index in range(count))
    tasks = [
        FilmTask(
            partial(_stream, _first_seed(seed, index), seconds, fight, fps, size, wall),
            film,
            out / "truth" / f"{film.stem}.jsonl",
        )
        for index, film in enumerate(films)
    ]
    draw_films(tasks, workers, progress)
    return films


def stream_spec(
    seed: int,
    index: int,
    seconds: float,
    *,
    fight: bool = True,
    fps: float | None = None,
    size: tuple[int, int] | None = None,
) -> SceneSpec:
    """What film ``index`` of ``write_streams`` shows where there is no wall. Raises ``SceneError``."""
    _check_seed(seed)
    return _cell(_first_seed(seed, index), seconds, fight, fps, size)


def _first_seed(seed: int, index: int) -> int:
    return seed * SEEDS_A_FOLDER + STREAM_SEEDS + index * MOST * MOST


def _stream(
    first: int,
    seconds: float,
    fight: bool,
    fps: float | None,
    size: tuple[int, int] | None,
    wall: tuple[int, int] | None,
) -> Footage:
    rows, columns = wall or (1, 1)
    watching = first % (rows * columns) if rows * columns else 0
    specs = [_cell(first + cell, seconds, fight and cell == watching, fps, size) for cell in range(rows * columns)]
    return Wall(specs, rows, columns) if wall else Scene(specs[0])


def _cell(seed: int, seconds: float, fight: bool, fps: float | None, size: tuple[int, int] | None) -> SceneSpec:
    spec = random_spec(seed, fight=fight, duration_s=seconds, fps=fps or 15.0, size=size or (640, 360))
    # The film's codec compresses; a picture already compressed as JPEG would pay twice.
    return replace(spec, compression=0.0)

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import pytest

from scenes.casting import random_spec
from scenes.clips import write_clips, write_streams
from scenes.drawing import FilmTask, draw_films
from scenes.errors import SceneError
from scenes.scene import Scene
from scenes.truth import Footage


def die() -> Footage:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def refuse(message: str) -> Footage:
    raise SceneError(message)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def make_tasks(folder: Path, count: int) -> list[FilmTask]:
    specs = [random_spec(seed, fight=False, duration_s=0.6, fps=10, size=(96, 64)) for seed in range(count)]
    return [
        FilmTask(partial(Scene, spec), folder / f"{number}.mp4", folder / f"{number}.jsonl")
        for number, spec in enumerate(specs)
    ]


def test_the_same_films_are_drawn_by_any_number_of_processes(tmp_path: Path) -> None:
    for workers in (1, 3):
        folder = tmp_path / str(workers)
        write_clips(folder / "clips", 3, 0.6, 1, calm=1, fps=10, size=(96, 64), workers=workers)
        write_streams(folder / "streams", 2, 1.0, 1, fps=5, size=(96, 64), wall=(2, 2), workers=workers)
    alone, together = files(tmp_path / "1"), files(tmp_path / "3")
    assert alone == together
    assert len(alone) == 2 * 4 + 1 + 2 * 2


def test_what_is_there_is_kept_and_counted_first(tmp_path: Path) -> None:
    tasks = make_tasks(tmp_path, 4)
    tasks[2].draw()
    before = tasks[2].film.stat().st_mtime_ns
    told: list[tuple[int, int, Path]] = []
    draw_films(tasks, 2, lambda done, count, film: told.append((done, count, film)))
    assert [(done, count) for done, count, _ in told] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert told[0][2] == tasks[2].film
    assert {film for _, _, film in told} == {task.film for task in tasks}
    assert tasks[2].film.stat().st_mtime_ns == before


@pytest.mark.parametrize("workers", [1, 2])
def test_what_drawing_raises_is_raised_and_the_rest_can_be_drawn_later(tmp_path: Path, workers: int) -> None:
    tasks = make_tasks(tmp_path, 2)
    broken = FilmTask(partial(refuse, "no such place"), tmp_path / "broken.mp4", tmp_path / "broken.jsonl")
    with pytest.raises(SceneError, match="no such place"):
        draw_films([tasks[0], broken, tasks[1]], workers, None)
    draw_films(tasks, workers, None)
    assert all(task.is_done() for task in tasks)


def test_a_folder_that_cannot_be_written_is_an_os_error_from_a_process_too(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(OSError, match="taken"):
        draw_films(make_tasks(tmp_path / "taken", 2), 2, None)


def test_one_clear_error_when_a_process_dies_or_there_is_none(tmp_path: Path) -> None:
    dying = [FilmTask(die, tmp_path / f"{number}.mp4", tmp_path / f"{number}.jsonl") for number in range(2)]
    with pytest.raises(SceneError, match=r"died with -9; the same command goes on"):
        draw_films(dying, 2, None)
    with pytest.raises(SceneError, match="0 workers asked for; give at least 1"):
        draw_films(dying, 0, None)

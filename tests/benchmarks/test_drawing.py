from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.drawing import FILMS, measure_motion, time_film
from builder.data.clips import find_clips
from builder.recipe import load_recipe
from scenes import parse_scene
from tests.builder import tiny_clips


@pytest.mark.parametrize("uri", FILMS.values())
def test_films_are_scenes(uri: str) -> None:
    parse_scene(uri)


def test_speed_is_frames_by_the_time_that_all_of_them_took() -> None:
    clock = iter([10.0, 12.0])
    speed = time_film("short", "scene:yard?seed=1&fight=none&duration=1&fps=4&size=96x64&people=1", lambda: next(clock))
    assert (speed.size, speed.frames_a_second) == ((96, 64), 2.0)


def test_what_flickers_moves_and_what_stands_still_does_not(tmp_path: Path) -> None:
    clips = find_clips(tiny_clips.write_tree(tmp_path, fights=2, calm=2)).clips
    clips[3].path.write_bytes(b"no video")
    found = measure_motion(clips, load_recipe("full"))
    assert (len(found["fight"]), len(found["noFight"])) == (2, 1)
    assert np.all(found["fight"] > 5)
    assert found["noFight"] == pytest.approx(0, abs=1)

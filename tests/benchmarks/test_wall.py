from __future__ import annotations

import time
from pathlib import Path

import pytest

from benchmarks.wall import describe, glance, measure
from benchmarks.wall_plot import plot_pass
from benchmarks.wall_result import STEPS, Result
from edge_agent.grid import Grid
from edge_agent.sources.source import SourceOptions
from edge_agent.sources.video import VideoReader
from models.bundle import Bundle
from scenes import open_scene
from scenes.film import write_film

GRID = Grid(2, 3, border=2)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wall") / "wall.mp4"
    uri = "scene:wall?rows=2&columns=3&border=2&seed=3&fps=60&duration=0.6&size=96x64&people=1"
    write_film(open_scene(uri), path, path.with_suffix(".jsonl"))
    return path


@pytest.fixture(scope="module")
def result(tiny: Bundle, film: Path) -> Result:
    return measure(tiny, film, GRID, threads=1, rounds=2, naive=1, clock=time.perf_counter)


def test_a_pass_gives_every_cell_one_new_sample(tiny: Bundle, film: Path) -> None:
    reader = VideoReader(str(film), SourceOptions(realtime=False), time.monotonic)
    images = [read[1] for read in iter(reader.read, None) if read]
    samples = glance(tiny.manifest, GRID, images[:13:6])
    reader.close()
    assert [sample.camera for sample in samples] == list(GRID.names("wall"))


def test_every_step_of_a_pass_is_timed_and_the_naive_design_beside_it(result: Result) -> None:
    assert list(result.steps) == [*STEPS, "glance", "alert"]
    assert (result.cells, result.frames, result.size) == (6, 36, (130, 292))
    assert [one.name for one in result.readings][1:] == ["all cells idle", "all cells alert"]
    lines = list(describe(result))
    assert sum("|" in line for line in lines) == 2 + 9 + 2 + 3
    assert any("allowed are 150" in line for line in lines)


def test_picture_names_every_step_and_what_is_allowed(result: Result, tmp_path: Path) -> None:
    plot_pass(tmp_path / "wall.svg", result, 150)
    svg = (tmp_path / "wall.svg").read_text()
    assert all(f"{name}, " in svg for name in ("luma", "samples", "encoder", "head"))
    assert "allowed, 150 ms" in svg

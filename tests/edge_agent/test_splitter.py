from __future__ import annotations

import gc
import weakref
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_agent.frame import Frame
from edge_agent.grid import Grid
from edge_agent.region import WHOLE, Region
from edge_agent.sample import Sample, SampleMaker
from edge_agent.sampling import SamplingPolicy
from edge_agent.splitter import Splitter
from models.preprocessing import make_sample, shrink
from tests.edge_agent.films import write_film
from tests.edge_agent.test_sample import Seen, frames_of
from tests.tiny_bundle import GEOMETRY, PREPROCESSING

SIZE = (124, 164)
FPS = 20
GRID = Grid(2, 2, border=4)
START_S = 50.0


@pytest.fixture
def frames(tmp_path: Path) -> list[Frame]:
    rng = np.random.default_rng(3)
    pictures = [cv2.resize(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8), SIZE[::-1]) for _ in range(5 * FPS)]
    return frames_of(write_film(tmp_path / "wall.mp4", pictures, fps=FPS, size=SIZE))


def make_splitter(regions: dict[str, Region]) -> Splitter:
    return Splitter(
        {
            view: (region, SampleMaker(view, SamplingPolicy(), GEOMETRY, PREPROCESSING))
            for view, region in regions.items()
        }
    )


def split(splitter: Splitter, frames: list[Frame]) -> list[Sample]:
    return [sample for frame in frames for sample in splitter.make(frame, START_S + frame.time_s)]


CELLS = dict(zip(GRID.names("wall"), GRID.regions, strict=True))


def test_each_cell_is_sampled_as_if_it_were_a_camera_of_its_own(frames: list[Frame]) -> None:
    lumas = [frame.image.luma().copy() for frame in frames]
    times = np.array([frame.time_s for frame in frames])
    splitter = make_splitter(CELLS)
    for view in CELLS:
        splitter.set_mode(view, "alert")
    samples = split(splitter, frames)
    assert {view: sum(sample.camera == view for sample in samples) for view in CELLS} == dict.fromkeys(CELLS, 48)
    for sample in samples:
        rows, columns = CELLS[sample.camera].slices(SIZE)
        chosen = [int(np.abs(times - (sample.time_s - START_S - back)).argmin()) for back in (0.2, 0.1, 0.0)]
        shrunk = [shrink(lumas[index][rows, columns].copy(), PREPROCESSING) for index in chosen]
        assert np.array_equal(sample.pixels, make_sample(*shrunk, PREPROCESSING))
        assert sample.image.size == (rows.stop - rows.start, columns.stop - columns.start)


def test_frame_is_converted_once_for_all_cells_and_only_when_one_needs_it(frames: list[Frame]) -> None:
    splitter = make_splitter(CELLS)
    split(splitter, frames)
    counts = [frame.image.converted for frame in frames if isinstance(frame.image, Seen)]
    # Glances at 0.2, 2.2 and 4.2 s take three frames each.
    assert (sum(counts), max(counts)) == (9, 1)


@pytest.mark.parametrize("regions", [CELLS, {"yard": WHOLE}])
def test_no_picture_is_held_while_none_is_needed(frames: list[Frame], regions: dict[str, Region]) -> None:
    """Of an idle camera the next glance is seconds away, and a decoded picture takes megabytes."""
    splitter = make_splitter(regions)
    split(splitter, frames[:6])
    held = weakref.ref(frames[5].image)
    del frames[:6]
    assert held() is not None
    assert not splitter.needs(6 / FPS, key=False)
    gc.collect()
    assert held() is None
    # What comes next, from the backlog of a camera that wakes, goes on all the same.
    for view in regions:
        splitter.set_mode(view, "alert")
    samples = split(splitter, frames)
    assert {round(sample.source_s, 3) for sample in samples} >= {1.0, 2.0, 3.0}
    assert all(np.isfinite(sample.pixels).all() for sample in samples)


def test_cells_are_sampled_each_in_its_own_mode_and_by_its_own_policy(frames: list[Frame]) -> None:
    splitter = make_splitter(CELLS)
    splitter.set_mode("wall-2", "alert")
    splitter.set_sampling("wall-3", SamplingPolicy(idle_interval_s=1.0))
    samples = split(splitter, frames)
    assert [sum(sample.camera == view for sample in samples) for view in CELLS] == [3, 48, 5, 3]
    counts = [frame.image.converted for frame in frames if isinstance(frame.image, Seen)]
    assert max(counts) == 1


def test_samples_begin_anew_in_every_cell_when_the_walls_size_changes(frames: list[Frame], tmp_path: Path) -> None:
    larger = frames_of(write_film(tmp_path / "l.mp4", [90] * 40, fps=FPS, size=(248, 328)))
    moved = [Frame(frame.time_s + frames[-1].time_s + 1 / FPS, 0, frame.image) for frame in larger]
    samples = split(make_splitter(CELLS), frames + moved)
    assert {(sample.camera, sample.run) for sample in samples} == {(view, run) for view in CELLS for run in (1, 2)}

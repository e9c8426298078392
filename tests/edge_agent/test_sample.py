from __future__ import annotations

import time
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.frame import Frame, Image
from edge_agent.sample import Sample, SampleMaker
from edge_agent.sampling import SamplingPolicy
from edge_agent.sources.source import SourceOptions
from edge_agent.sources.video import VideoReader
from models.preprocessing import make_sample, shrink
from tests.edge_agent.films import write_film
from tests.tiny_bundle import GEOMETRY, PREPROCESSING


class Seen:
    """A real picture that remembers whether it was converted."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self.size = image.size
        self.converted = 0

    def luma(self) -> np.ndarray:
        self.converted += 1
        return self.image.luma()

    def colour(self, largest_side: int) -> np.ndarray:
        return self.image.colour(largest_side)


def frames_of(path: Path) -> list[Frame]:
    reader = VideoReader(str(path), SourceOptions(), time.monotonic)
    frames = []
    while read := reader.read():
        frames.append(Frame(read[0], 0, Seen(read[1])))
    reader.close()
    return frames


START_S = 100.0


def nearest(times: NDArray[np.float64], instant: float) -> int:
    """Index of the frame nearest to an instant, the earlier of two that are equally near."""
    return int(np.round(np.abs(times - instant), 6).argmin())


def make(frames: list[Frame], mode: str, full_glance_s: float = 30.0) -> list[Sample]:
    maker = SampleMaker("yard", SamplingPolicy(full_glance_s=full_glance_s), GEOMETRY, PREPROCESSING)
    maker.mode = "alert" if mode == "alert" else "idle"
    return [sample for frame in frames for sample in maker.make(frame, START_S + frame.time_s)]


@pytest.mark.parametrize("fps", [10, 25, 30])
def test_make_gives_what_the_builder_makes_of_same_instants(tmp_path: Path, fps: int) -> None:
    film = write_film(tmp_path / "a.mp4", [(index * 37) % 256 for index in range(3 * fps)], fps=fps)
    with av.open(str(film)) as container:
        lumas = [shrink(frame.to_ndarray(format="gray"), PREPROCESSING) for frame in container.decode(video=0)]
    times = np.arange(len(lumas)) / fps
    samples = make(frames_of(film), "alert")
    assert len(samples) >= 25
    for sample in samples:
        chosen = [nearest(times, sample.time_s - START_S - back) for back in (0.2, 0.1, 0.0)]
        expected = make_sample(*(lumas[index] for index in chosen), PREPROCESSING)
        assert np.array_equal(sample.pixels, expected)


@pytest.mark.parametrize(("full_glance_s", "converted"), [(0.0, 5 * 3), (30.0, 3 + 4)])
def test_make_converts_few_frames_when_idle(tmp_path: Path, full_glance_s: float, converted: int) -> None:
    frames = frames_of(write_film(tmp_path / "a.mp4", [40] * 250, fps=25))
    samples = make(frames, "idle", full_glance_s)
    assert len(samples) == 5
    counts = [frame.image.converted for frame in frames if isinstance(frame.image, Seen)]
    assert sum(counts) == converted
    assert max(counts) == 1


def test_make_mixes_no_sizes_when_resolution_changes(tmp_path: Path) -> None:
    small = frames_of(write_film(tmp_path / "s.mp4", [50] * 20))
    large = frames_of(write_film(tmp_path / "l.mp4", [200] * 20, size=(192, 256)))
    moved = [Frame(frame.time_s + 1.0, 0, frame.image) for frame in large]
    samples = make(small + moved, "alert")
    lumas = [shrink(frames[10].image.luma(), PREPROCESSING) for frames in (small, large)]
    assert {sample.run for sample in samples} == {1, 2}
    still = {run: make_sample(luma, luma, luma, PREPROCESSING) for run, luma in enumerate(lumas, start=1)}
    assert all(np.abs(sample.pixels.astype(int) - still[sample.run]).max() < 30 for sample in samples)


def test_make_tells_times_of_source_and_arrival_when_sample_is_complete(tmp_path: Path) -> None:
    frames = frames_of(write_film(tmp_path / "a.mp4", [50] * 20))
    sample = make([Frame(frame.time_s + 1000, 0, frame.image) for frame in frames], "idle")[0]
    assert sample.time_s == pytest.approx(1100.2)
    assert sample.source_s == pytest.approx(1000.2)
    assert sample.arrived_s == pytest.approx(1100.2)
    assert sample.camera == "yard"
    assert sample.pixels.shape == (*PREPROCESSING.size, len(PREPROCESSING.channels))

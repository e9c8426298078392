"""What a bad network and an odd camera make of a real stream, and what is made of that."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from edge_agent.frame import Frame
from edge_agent.sample import Sample, SampleMaker
from edge_agent.sampling import SamplingPolicy
from edge_agent.sources import Source, SourceOptions, open_source
from edge_agent.sources.source import SourceReadError
from tests.edge_agent.joined_film import Act, whole_pictures, write_acts
from tests.edge_agent.rtsp import needs_rtsp_server, rtsp_server
from tests.edge_agent.rtsp_relay import Garbled, Jumped, LostAndSwapped, Stretched, no_fault, relay
from tests.edge_agent.test_camera import make_camera, wait_for
from tests.ports import free_port
from tests.tiny_bundle import GEOMETRY, PREPROCESSING

pytestmark = needs_rtsp_server

SMALL, LARGE = (120, 160), (240, 320)


def alert_maker() -> SampleMaker:
    maker = SampleMaker("yard", SamplingPolicy(), GEOMETRY, PREPROCESSING)
    maker.mode = "alert"
    return maker


@dataclass
class Viewer:
    """Reads a source as an alert camera does, and keeps what came of it."""

    source: Source
    maker: SampleMaker = field(default_factory=alert_maker)
    frames: list[Frame] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)

    def read(self) -> Frame:
        frame = self.source.read(threading.Event())
        assert frame is not None
        self.frames.append(frame)
        self.samples += self.maker.make(frame, time.monotonic())
        return frame

    def read_on(self) -> None:
        while True:
            self.read()

    @property
    def runs(self) -> list[int]:
        """The runs of the samples, each once, in order."""
        return list(dict.fromkeys(sample.run for sample in self.samples))


def view(film: Path) -> Viewer:
    """What comes of a film that is streamed to its end. By the source's clock, which stands, it is never behind,
    so that a busy machine leaves no picture out."""
    port = free_port()
    with rtsp_server(port, film=film):
        viewer = Viewer(open_source(f"rtsp://127.0.0.1:{port}/camera", SourceOptions(), lambda: 0.0))
        with pytest.raises(SourceReadError, match="the camera ended its stream"):
            viewer.read_on()
        viewer.source.close()
    return viewer


def test_pictures_keep_coming_when_packets_are_lost_and_swapped(tmp_path: Path) -> None:
    acts = [Act(25.0, fps=30)]
    whole, port = whole_pictures(tmp_path / "film.mp4", acts), free_port()
    fault = LostAndSwapped(np.random.default_rng(1), lost=0.05, swapped=0.05)
    with rtsp_server(port, film=tmp_path / "film.mp4"), relay(port) as relayed:
        address = f"rtsp://127.0.0.1:{relayed.port}/camera"
        viewer = Viewer(open_source(address, SourceOptions(transport="udp"), time.monotonic))
        viewer.read()
        relayed.fault = fault
        while fault.lost < 5 or fault.swapped < 5 or viewer.source.skipped < 1:
            viewer.read()
        relayed.fault = no_fault
        unbroken = 0
        while unbroken < 31:
            unbroken = unbroken + 1 if viewer.read().image.luma().tobytes() in whole else 0
        viewer.source.close()
    # The first two have the same time, as FFmpeg knows none of the first.
    assert (np.diff([frame.time_s for frame in viewer.frames[1:]]) > 0).all()
    assert (np.diff([sample.time_s for sample in viewer.samples]) > 0).all()


def test_a_new_run_begins_when_pictures_change_their_size(tmp_path: Path) -> None:
    acts = [Act(0.6, SMALL), Act(0.6, LARGE), Act(0.6, SMALL)]
    viewer = view(write_acts(tmp_path / "film.mp4", acts))
    shown = [frame.image.size for frame in viewer.frames]
    assert [size for index, size in enumerate(shown) if index == 0 or shown[index - 1] != size] == [SMALL, LARGE, SMALL]
    sizes = {run: {sample.image.size for sample in viewer.samples if sample.run == run} for run in viewer.runs}
    assert list(sizes.values()) == [{SMALL}, {LARGE}, {SMALL}]
    assert viewer.source.skipped == 0


def test_samples_go_on_in_one_run_when_pictures_come_more_rarely_and_again_more_often(tmp_path: Path) -> None:
    viewer = view(write_acts(tmp_path / "film.mp4", [Act(0.8), Act(1.4, fps=5), Act(0.8)]))
    assert len(viewer.runs) == 1
    steps = np.round(np.diff([frame.time_s for frame in viewer.frames]) * 15)
    assert {1, 3} <= set(steps)
    slow = [sample for sample in viewer.samples if 1.0 < sample.source_s < 2.1]
    fast = [sample for sample in viewer.samples if sample.source_s > 2.3]
    assert len(slow) >= 2
    assert len(fast) >= 4


def test_whole_pictures_come_again_when_a_stream_was_rubbish_for_a_while(tmp_path: Path) -> None:
    acts = [Act(1.0), Act(1.0, spoiled=True), Act(1.2)]
    viewer = view(write_acts(tmp_path / "film.mp4", acts))
    whole = whole_pictures(tmp_path / "whole.mp4", acts)
    before = [frame.image.luma().tobytes() in whole for frame in viewer.frames if frame.time_s < 0.9]
    spoiled = [frame.image.luma().tobytes() in whole for frame in viewer.frames if 1.1 < frame.time_s < 1.9]
    after = [frame.image.luma().tobytes() in whole for frame in viewer.frames if frame.time_s > 2.1]
    assert len(before) >= 10
    assert len(after) >= 10
    assert all(before + after)
    assert not any(spoiled)
    assert viewer.source.skipped >= 1
    assert viewer.samples[-1].source_s > 2.5


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_camera_is_watched_in_its_own_time_when_its_clock_is_slow_or_fast(factor: float) -> None:
    port = free_port()
    with rtsp_server(port), relay(port) as relayed:
        relayed.fault = Stretched(factor)
        address = f"rtsp://127.0.0.1:{relayed.port}/camera"
        viewer = Viewer(open_source(address, SourceOptions(transport="udp"), time.monotonic))
        while len(viewer.frames) < 40:
            viewer.read()
        viewer.source.close()
    assert np.median(np.diff([frame.time_s for frame in viewer.frames])) == pytest.approx(factor / 15, abs=0.01)
    assert len(viewer.runs) == 1
    assert viewer.samples[-1].source_s > viewer.frames[-1].time_s - 1.0


@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
def test_samples_go_on_in_a_new_run_when_the_cameras_clock_jumps(seconds: float) -> None:
    port = free_port()
    with rtsp_server(port), relay(port) as relayed:
        address = f"rtsp://127.0.0.1:{relayed.port}/camera"
        viewer = Viewer(open_source(address, SourceOptions(transport="udp"), time.monotonic))
        while len(viewer.samples) < 5:
            viewer.read()
        relayed.fault = Jumped(seconds)
        before = len(viewer.samples)
        while len(viewer.samples) < before + 15:
            viewer.read()
        viewer.source.close()
    assert len(viewer.runs) == 2
    last = [sample for sample in viewer.samples if sample.run == viewer.runs[-1]]
    assert len(last) >= 10
    assert (np.diff([sample.time_s for sample in viewer.samples]) > 0).all()


def test_a_camera_is_seen_whole_again_when_its_tcp_connection_was_garbled(tmp_path: Path) -> None:
    acts, port, samples = [Act(10.0)], free_port(), list[Sample]()
    whole, fault = whole_pictures(tmp_path / "film.mp4", acts), Garbled(np.random.default_rng(1), share=1e-3)
    with rtsp_server(port, film=tmp_path / "film.mp4"), relay(port) as relayed:
        address = f"rtsp://127.0.0.1:{relayed.port}/camera"
        camera = make_camera(lambda _needed: open_source(address, SourceOptions(), time.monotonic), samples)
        camera.start()
        wait_for(lambda: len(samples) >= 2)
        relayed.tcp_fault = fault
        wait_for(lambda: fault.garbled >= 500)
        relayed.tcp_fault = no_fault
        seen = len(samples)
        wait_for(lambda: sum(sample.image.luma().tobytes() in whole for sample in samples[seen:]) >= 3)
        camera.halt()
        camera.join(5)
    assert (np.diff([sample.time_s for sample in samples]) > 0).all()


def test_a_camera_whose_stream_ends_is_asked_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    film, port, samples = write_acts(tmp_path / "film.mp4", [Act(0.8)]), free_port(), list[Sample]()
    caplog.set_level(logging.INFO)
    with rtsp_server(port, film=film):
        camera = make_camera(
            lambda _needed: open_source(f"rtsp://127.0.0.1:{port}/camera", SourceOptions(), time.monotonic), samples
        )
        camera.start()
        wait_for(lambda: len({sample.run for sample in samples}) >= 3)
        camera.halt()
        camera.join(5)
    assert (np.diff([sample.time_s for sample in samples]) > 0).all()
    assert "camera yard: stalled" in caplog.text
    assert "the camera ended its stream" in caplog.text

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from edge_agent.backoff import BackoffPolicy
from edge_agent.camera import Camera
from edge_agent.region import WHOLE
from edge_agent.sample import Sample, SampleMaker
from edge_agent.sampling import SamplingPolicy
from edge_agent.sources import Need, Source, SourceOptions, open_source
from edge_agent.sources.live import LiveSource
from edge_agent.sources.source import AnyTime
from edge_agent.sources.video import VideoReader
from edge_agent.splitter import Splitter
from tests.edge_agent.films import write_film
from tests.edge_agent.hanging import hanging_file
from tests.edge_agent.rtsp import needs_rtsp_server, rtsp_server
from tests.ports import free_port
from tests.tiny_bundle import GEOMETRY, PREPROCESSING

QUICK = BackoffPolicy(first_s=0.05, factor=1.5, most_s=0.2)


def wait_for(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Return when the condition holds; fails after ``seconds``, which are only a bound on a broken test."""
    end_s = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.02)


def make_camera(
    open_: Callable[[Need], Source],
    samples: list[Sample],
    options: SourceOptions | None = None,
    clock: Callable[[], float] = time.monotonic,
    views: Sequence[str] = ("yard",),
    idle_interval_s: float = 0.2,
    retry: BackoffPolicy = QUICK,
) -> Camera:
    # Shrunk to 32 x 32 pixels, noise hardly moves: glances are made in full nevertheless.
    policy = SamplingPolicy(idle_interval_s=idle_interval_s, full_glance_s=0)
    return Camera(
        "yard",
        "rtsp://admin:s3cret@camera/live",
        open_,
        lambda: Splitter({view: (WHOLE, SampleMaker(view, policy, GEOMETRY, PREPROCESSING)) for view in views}),
        samples.append,
        options=options or SourceOptions(),
        retry=retry,
        clock=clock,
        random=np.random.default_rng(1),
    )


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[Path]:
    with hanging_file(tmp_path / "pipe") as path:
        yield path


def test_camera_leaves_few_threads_behind_when_its_source_hangs(hanging: Path) -> None:
    jumped = [0.0]
    opened: list[int] = []

    def open_(_needed: Need) -> Source:
        opened.append(1)
        return LiveSource(VideoReader(str(hanging), SourceOptions(), time.monotonic))

    camera = make_camera(open_, [], clock=lambda: time.monotonic() + jumped[0])
    camera.start()
    for attempts in range(1, 5):
        wait_for(lambda attempts=attempts: len(opened) == attempts)
        camera.tend(time.monotonic() + jumped[0])
        assert camera.link.reason is None or "hung" in camera.link.reason
        jumped[0] += 60
        time.sleep(0.01)
        camera.tend(time.monotonic() + jumped[0])
        assert camera.link.connection == "failed"
    for _ in range(5):
        jumped[0] += 60
        camera.tend(time.monotonic() + jumped[0])
    assert len(opened) == 4
    assert camera.link.reason == "rtsp://***@camera/live: hung 4 times; waiting for it"
    camera.halt()


def test_camera_recovers_when_hung_source_is_replaced_by_a_good_one(hanging: Path, tmp_path: Path) -> None:
    film = write_film(tmp_path / "a.mp4", [10] * 40)
    jumped, places, samples = [0.0], [str(hanging), str(film)], list[Sample]()

    def open_(_needed: Need) -> Source:
        return LiveSource(VideoReader(places.pop(0), SourceOptions(), time.monotonic))

    camera = make_camera(open_, samples, clock=lambda: time.monotonic() + jumped[0])
    camera.start()
    wait_for(lambda: len(places) == 1)
    time.sleep(0.05)
    jumped[0] = 60.0
    camera.tend(time.monotonic() + jumped[0])
    wait_for(lambda: len(samples) >= 5)
    camera.halt()
    camera.join(5)


def test_camera_keeps_trying_and_says_why_when_file_comes_late(tmp_path: Path) -> None:
    film, samples = tmp_path / "late.mp4", list[Sample]()
    options = SourceOptions(realtime=True)
    camera = make_camera(lambda _needed: open_source(str(film), options, time.monotonic), samples, options)
    assert camera.link.connection == "connecting"
    camera.start()
    wait_for(lambda: camera.link.connection == "failed")
    assert "no such file" in (camera.link.reason or "")
    write_film(tmp_path / "written.mp4", [10] * 40).rename(film)
    wait_for(lambda: samples)
    wait_for(lambda: camera.link.ended)
    assert camera.link.reason == "the source came to its end"


def test_camera_survives_when_its_source_fails_in_an_unforeseen_way(tmp_path: Path) -> None:
    film, samples, faults = write_film(tmp_path / "a.mp4", [10] * 40), list[Sample](), [MemoryError("too large")]

    def open_(_needed: Need) -> Source:
        if faults:
            raise faults.pop()
        return open_source(str(film), SourceOptions(), time.monotonic)

    camera = make_camera(open_, samples)
    camera.start()
    wait_for(lambda: samples)
    camera.halt()
    camera.join(5)


def test_camera_counts_what_it_skips_when_a_clip_is_broken(tmp_path: Path) -> None:
    write_film(tmp_path / "a.mp4", [10] * 40)
    (tmp_path / "b.mp4").write_bytes(b"broken")
    options, samples = SourceOptions(realtime=False), list[Sample]()
    camera = make_camera(
        lambda _needed: open_source(f"folder:{tmp_path}", options, time.monotonic), samples, SourceOptions()
    )
    camera.start()
    wait_for(lambda: camera.skipped >= 2)
    assert camera.link.connection == "connected"
    camera.halt()
    camera.join(5)


@needs_rtsp_server
def test_camera_stalls_and_comes_back_when_rtsp_server_freezes() -> None:
    port, samples = free_port(), list[Sample]()
    options = SourceOptions(open_timeout_s=5.0, read_timeout_s=1.0)
    camera = make_camera(
        lambda _needed: open_source(f"rtsp://127.0.0.1:{port}/camera", options, time.monotonic), samples, options
    )
    with rtsp_server(port) as server:
        camera.start()
        wait_for(lambda: samples)
        server.send_signal(signal.SIGSTOP)
        wait_for(lambda: camera.link.connection == "stalled")
        assert "no answer within 1 s" in (camera.link.reason or "")
        server.send_signal(signal.SIGCONT)
        wait_for(lambda: camera.link.connection == "connected")
        camera.halt()
        camera.join(5)


@needs_rtsp_server
def test_camera_comes_back_when_rtsp_server_was_killed_and_restarted() -> None:
    port, samples = free_port(), list[Sample]()
    options = SourceOptions(open_timeout_s=5.0, read_timeout_s=2.0)
    camera = make_camera(
        lambda _needed: open_source(f"rtsp://127.0.0.1:{port}/camera", options, time.monotonic), samples, options
    )
    camera.start()
    wait_for(lambda: camera.link.connection == "failed")
    with rtsp_server(port):
        wait_for(lambda: camera.link.connection == "connected" and len(samples) >= 3)
    wait_for(lambda: camera.link.connection in ("stalled", "failed"))
    assert camera.link.reason
    before, last = len(samples), samples[-1]
    with rtsp_server(port):
        wait_for(lambda: camera.link.connection == "connected" and len(samples) >= before + 3)
        camera.halt()
        camera.join(5)
    assert samples[-1].run > last.run
    assert samples[-1].time_s > last.time_s


class Urgency(AnyTime):
    """A turn that notes what it is told of its camera."""

    def __init__(self) -> None:
        self.told: list[bool] = []

    def hurry(self, *, awake: bool) -> None:
        self.told.append(awake)


def test_a_camera_hurries_while_any_of_its_views_is_awake() -> None:
    urgency = Urgency()
    options = SourceOptions(turns=urgency)
    camera = make_camera(lambda _needed: pytest.fail("it was never started"), [], options, views=("gate", "yard"))
    camera.set_mode("gate", "idle")
    camera.set_mode("yard", "alert")
    camera.set_mode("gate", "alert")
    camera.set_mode("yard", "idle")
    camera.set_mode("gate", "idle")
    assert urgency.told == [False, True, True, True, False]

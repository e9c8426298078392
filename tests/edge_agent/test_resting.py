"""Cameras that leave their stream unread between glances."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from edge_agent.backoff import BackoffPolicy
from edge_agent.camera import Camera
from edge_agent.sample import Sample
from edge_agent.sources import Need, Source, SourceOptions, open_source
from edge_agent.sources.live import LiveSource
from edge_agent.sources.patience import Patience
from edge_agent.sources.video import VideoReader
from tests.edge_agent.films import write_film
from tests.edge_agent.joined_film import Act, write_acts
from tests.edge_agent.rtsp import needs_rtsp_server, rtsp_server
from tests.edge_agent.test_camera import make_camera, wait_for
from tests.ports import free_port

HOUR_S = 3600.0


class Endless(Patience):
    """The patience of a stream that may be left unread for an hour; it says when it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()

    def follow(self, time_s: float, size: int) -> float:  # noqa: ARG002 as of any patience
        if time_s > 1:
            self.asked.set()
        return HOUR_S if time_s > 1 else 0.0


class Watched:
    """A camera and what became of it: its samples, and when its source asked whether a picture is needed."""

    def __init__(self, interval_s: float) -> None:
        self.samples: list[Sample] = []
        self.asked_s: list[float] = []
        self.interval_s = interval_s

    @contextmanager
    def watching(self, source: str | Endless, film: Path | None = None) -> Iterator[Camera]:
        def open_(needed: Need) -> Source:
            def ask(time_s: float, *, key: bool, spare_s: float) -> bool:
                self.asked_s.append(time.monotonic())
                return needed(time_s, key=key, spare_s=spare_s)

            options = SourceOptions()
            if isinstance(source, str):
                return open_source(source, options, time.monotonic, ask)
            return LiveSource(VideoReader(str(film), options, time.monotonic, needed=ask, patience=source))

        never = BackoffPolicy(first_s=HOUR_S, most_s=HOUR_S)
        camera = make_camera(open_, self.samples, idle_interval_s=self.interval_s, retry=never)
        camera.start()
        try:
            yield camera
        finally:
            camera.halt()
            camera.join(30)


@pytest.mark.parametrize("by", ["waking", "halting"])
def test_a_camera_that_rests_is_roused(by: str, tmp_path: Path) -> None:
    film, patience, watched = write_film(tmp_path / "a.mp4", [10] * 100), Endless(), Watched(HOUR_S)
    with watched.watching(patience, film) as camera:
        assert patience.asked.wait(30)
        before = len(watched.samples)
        assert before == 1
        if by == "waking":
            camera.set_mode("yard", "alert")
            wait_for(lambda: camera.link.connection == "stalled")
            assert len(watched.samples) > 20
        else:
            camera.halt()
            camera.join(30)
            assert not camera._reader.alive


def test_a_camera_that_is_told_to_stay_idle_rests_on(tmp_path: Path) -> None:
    film, patience, watched = write_film(tmp_path / "a.mp4", [10] * 100), Endless(), Watched(HOUR_S)
    with watched.watching(patience, film) as camera:
        assert patience.asked.wait(30)
        camera.set_mode("yard", "idle")
        asked = len(watched.asked_s)
        time.sleep(0.3)
        assert len(watched.asked_s) == asked
        assert camera.link.connection == "connected"


@needs_rtsp_server
@pytest.mark.slow
def test_an_idle_camera_reads_what_came_between_glances_at_once_and_misses_no_glance(tmp_path: Path) -> None:
    film, port, watched = write_acts(tmp_path / "film.mp4", [Act(12)]), free_port(), Watched(2.0)
    with rtsp_server(port, film=film), watched.watching(f"rtsp://127.0.0.1:{port}/camera"):
        wait_for(lambda: len(watched.samples) >= 4)
    steps_s = np.diff(np.array(watched.asked_s))
    # Noise of 160 x 120 leaves little room: a picture comes every 0.067 s, and two or more are read at once.
    assert np.sum(steps_s > 0.1) >= 5
    times = [sample.time_s for sample in watched.samples]
    assert np.diff(times) == pytest.approx(np.full(len(times) - 1, 2.0), abs=0.1)

from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sample import Sample
from edge_agent.sources import SourceOptions, open_source
from edge_agent.standstill import SourceClockError, Standstill
from edge_agent.timeline import Timeline
from tests.edge_agent.http_server import http_server, motion_jpeg, send_head, write_stream
from tests.edge_agent.test_camera import make_camera, wait_for


def follow(frames: list[tuple[float, int]], interval_s: float) -> float | None:
    """When it was noticed that the clock stands, if it was; frames are ``(source time, segment)``."""
    standstill = Standstill()
    for index, (source_s, segment) in enumerate(frames):
        try:
            standstill.follow(source_s, segment, index * interval_s)
        except SourceClockError:  # noqa: PERF203 - a few frames
            return index * interval_s
    return None


@pytest.mark.parametrize(
    ("frames", "interval_s", "noticed_s"),
    [
        pytest.param([(7.0, 0)] * 100, 0.1, 5.1, id="never-moved"),
        pytest.param([(index / 10, 0) for index in range(50)] + [(4.9, 0)] * 100, 0.1, 10.0, id="stopped"),
        pytest.param([(7.0 - index % 2 / 10, 0) for index in range(100)], 0.1, 5.1, id="trembles"),
        pytest.param([(index / 10, 0) for index in range(100)], 0.1, None, id="moves"),
        pytest.param([(index / 10, 0) for index in range(100)], 1.0, None, id="moves-slowly"),
        pytest.param([(7.0, index // 40) for index in range(300)], 0.1, None, id="new-segments"),
        pytest.param([(index % 40 / 10, 0) for index in range(300)], 0.1, None, id="starts-over"),
        pytest.param([(7.0, 0)] * 5, 10.0, None, id="few-frames"),
        pytest.param([(7.0, 0)] * 6, 10.0, 50.0, id="enough-frames"),
    ],
)
def test_standstill_is_noticed_when_frames_come_and_the_clock_does_not_move(
    frames: list[tuple[float, int]], interval_s: float, noticed_s: float | None
) -> None:
    found = follow(frames, interval_s)
    assert found == (None if noticed_s is None else pytest.approx(noticed_s, abs=interval_s))


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(0, 2)), min_size=1, max_size=80), st.floats(0.01, 3))
def test_standstill_is_noticed_only_when_timeline_places_no_frame(
    frames: list[tuple[float, int]], interval_s: float
) -> None:
    timeline, standstill, placed_s = Timeline(1.0), Standstill(), 0.0
    for index, (source_s, segment) in enumerate(frames):
        now_s = index * interval_s
        if timeline.follow(source_s, segment, now_s) is not None:
            placed_s = now_s
        try:
            standstill.follow(source_s, segment, now_s)
        except SourceClockError:
            assert now_s - placed_s > 5
            return


def test_error_says_what_was_found_and_what_to_do() -> None:
    standstill = Standstill()
    for index in range(51):
        standstill.follow(3.25, 0, index * 0.1)
    with pytest.raises(SourceClockError, match=r"51 frames in 5 s, all of the instant 3\.250 s.*restart the camera"):
        standstill.follow(3.25, 0, 5.1)


def test_camera_fails_and_is_opened_anew_when_its_streams_clock_stands(tmp_path: Path) -> None:
    film = write_stream(tmp_path / "a.mkv", [0.05 * index for index in range(20)] + [1.0] * 400, format_="matroska")
    data, opened, samples = film.read_bytes(), list[int](), list[Sample]()
    good = motion_jpeg(30)

    def answer(request: BaseHTTPRequestHandler) -> None:
        opened.append(1)
        if len(opened) > 1:
            good(request)
            return
        send_head(request, "video/x-matroska")
        for start in range(0, len(data), 100):
            request.wfile.write(data[start : start + 100])
            time.sleep(0.005)
        time.sleep(60)

    # The camera's own clock runs ten times as fast, so that the test need not wait for long.
    began_s = time.monotonic()
    with http_server(answer) as port:
        options = SourceOptions()
        camera = make_camera(
            lambda _needed: open_source(f"http://127.0.0.1:{port}/a", options, time.monotonic),
            samples,
            options,
            clock=lambda: began_s + (time.monotonic() - began_s) * 10,
        )
        camera.start()
        wait_for(lambda: camera.link.connection == "stalled")
        assert "its clock stands still" in (camera.link.reason or "")
        wait_for(lambda: camera.link.connection == "connected" and len(opened) == 2)
        before = len(samples)
        wait_for(lambda: len(samples) > before + 2)
        camera.halt()
        camera.join(5)

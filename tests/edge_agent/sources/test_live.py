from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge_agent.frame import Frame
from edge_agent.sample import SampleMaker
from edge_agent.sampling import SamplingPolicy
from edge_agent.sources import Source, SourceOptions, open_source
from edge_agent.sources.source import SourceOpenError, SourceReadError
from models.manifest import Preprocessing
from tests.edge_agent.films import write_film
from tests.edge_agent.joined_film import H265, Act, whole_pictures
from tests.edge_agent.rtsp import needs_rtsp_server, rtsp_server
from tests.edge_agent.sources.needing import needs_of
from tests.ports import free_port
from tests.tiny_bundle import GEOMETRY, PREPROCESSING

SHORT = SourceOptions(open_timeout_s=1.0, read_timeout_s=1.0)


@contextmanager
def mute_server() -> Iterator[int]:
    """A real listener that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def accept() -> None:
            try:
                while True:
                    held.append(server.accept()[0])
            except OSError:
                return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for connection in held:
            connection.close()


def read_on(source: Source) -> None:
    while source.read(threading.Event()):
        pass


def test_rtsp_fails_within_its_timeout_when_server_never_answers() -> None:
    with mute_server() as port, pytest.raises(SourceOpenError, match="no answer within 1 s") as raised:
        open_source(f"rtsp://admin:s3cret@127.0.0.1:{port}/a", SHORT, time.monotonic)
    assert "s3cret" not in f"{raised.value} {raised.value.__cause__}"


def test_rtsp_fails_with_reason_when_nobody_listens() -> None:
    with pytest.raises(SourceOpenError, match=r"rtsp://\*\*\*@127.*cannot be opened: Connection refused"):
        open_source(f"rtsp://admin:s3cret@127.0.0.1:{free_port()}/a", SHORT, time.monotonic)


def test_v4l2_fails_with_what_is_there_when_device_is_absent() -> None:
    with pytest.raises(SourceOpenError, match="v4l2:/dev/video99: no such device; devices here:"):
        open_source("v4l2:/dev/video99", SHORT, time.monotonic)


def test_v4l2_fails_with_reason_when_file_is_no_camera() -> None:
    with pytest.raises(SourceOpenError, match="cannot be opened"):
        open_source("v4l2:/dev/null", SHORT, time.monotonic)


@needs_rtsp_server
def test_rtsp_gives_frames_until_server_dies_when_password_is_right() -> None:
    port = free_port()
    with rtsp_server(port, "bob", "s3cret") as server:
        source = open_source(f"rtsp://bob:s3cret@127.0.0.1:{port}/camera", SourceOptions(), time.monotonic)
        frames = [source.read(threading.Event()) for _ in range(30)]
        server.kill()
        with pytest.raises(SourceReadError):
            read_on(source)
        source.close()
    times = [frame.time_s for frame in frames if frame]
    assert times[-1] - times[1] == pytest.approx(28 / 15, abs=0.2)
    assert {frame.image.luma().shape for frame in frames if frame} == {(120, 160)}


def glance(port: int, count: int, preprocessing: Preprocessing = PREPROCESSING) -> list[Frame]:
    """The frames that an idle camera gives until so many samples were made of them."""
    maker = SampleMaker("yard", SamplingPolicy(idle_interval_s=1.0), GEOMETRY, preprocessing)
    source = open_source(f"rtsp://127.0.0.1:{port}/camera", SourceOptions(), time.monotonic, needs_of(maker))
    frames: list[Frame] = []
    samples = 0
    while samples < count and (frame := source.read(threading.Event())):
        frames.append(frame)
        samples += len(maker.make(frame, time.monotonic()))
    source.close()
    return frames


def require_spared(frames: list[Frame]) -> None:
    """A glance of every second takes four or five of its fifteen frames; before the first pause all may be needed."""
    paused = next(index for index, frame in enumerate(frames) if frame.paused)
    shown = frames[-1].time_s - frames[paused].time_s
    assert len(frames) - paused <= 0.5 * 15 * shown + 5


@needs_rtsp_server
def test_rtsp_of_an_idle_camera_decodes_its_glances_and_no_more() -> None:
    port = free_port()
    with rtsp_server(port):
        frames = glance(port, 5)
    assert sum(frame.paused for frame in frames) >= 3
    require_spared(frames)


@needs_rtsp_server
def test_rtsp_of_a_camera_at_which_nothing_moves_decodes_a_picture_for_each_glance(tmp_path: Path) -> None:
    often = {"g": "15", "sc_threshold": "0", "tune": "zerolatency"}
    film, port = write_film(tmp_path / "a.mp4", [90] * 180, fps=15, codec="libx264", options=often), free_port()
    with rtsp_server(port, film=film):
        frames = glance(port, 7, msgspec.structs.replace(PREPROCESSING, channels=("acceleration",)))
    # The first glance is made in full, and the second may still wait for key pictures to be known.
    assert [frame.paused for frame in frames[-4:]] == [True] * 4
    assert np.diff([frame.time_s for frame in frames[-4:]]) == pytest.approx([1.0] * 3, abs=0.1)


@needs_rtsp_server
def test_glances_at_h265_are_of_whole_pictures_though_its_decoder_is_closed_between_them(tmp_path: Path) -> None:
    whole, port = whole_pictures(tmp_path / "film.mp4", [Act(8.0)], H265), free_port()
    with rtsp_server(port, film=tmp_path / "film.mp4", codec="h265"):
        frames = glance(port, 5)
    require_spared(frames)
    assert len({frame.image.luma().tobytes() for frame in frames}) == len(frames)
    assert {frame.image.luma().tobytes() for frame in frames} <= whole


@needs_rtsp_server
def test_rtsp_says_why_when_password_is_wrong() -> None:
    port = free_port()
    with rtsp_server(port, "bob", "s3cret"), pytest.raises(SourceOpenError, match="401 Unauthorized") as raised:
        open_source(f"rtsp://bob:wr0ng@127.0.0.1:{port}/camera", SHORT, time.monotonic)
    assert "wr0ng" not in str(raised.value)

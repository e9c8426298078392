"""What a camera is asked for when it is connected to, and how often."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import av
import pytest

from edge_agent.frame import Frame
from edge_agent.sources import SourceOptions, open_source
from edge_agent.sources.source import SourceReadError
from tests.edge_agent.joined_film import Act, whole_pictures
from tests.edge_agent.rtsp import needs_rtsp_server, rtsp_server
from tests.edge_agent.rtsp_relay import Relay, relay
from tests.ports import free_port

pytestmark = needs_rtsp_server

_BEFORE_THE_FIRST_KEY = 12
# Datagrams of the first picture, and some of the second.
_BEGINNING = 8


@pytest.fixture
def whole(tmp_path: Path) -> set[bytes]:
    """The pictures of ``film``, which begins between two key pictures, as a camera does when somebody connects."""
    pictures = whole_pictures(tmp_path / "whole.mp4", [Act(6.0)])
    with av.open(str(tmp_path / "whole.mp4")) as source, av.open(str(tmp_path / "film.mp4"), "w") as film:
        begun = film.add_stream_from_template(source.streams.video[0])
        for packet in list(source.demux(video=0))[15 - _BEFORE_THE_FIRST_KEY : -1]:
            packet.stream = begun
            film.mux(packet)
    return pictures


@contextmanager
def camera(film: Path | None = None, *, sound: bool = False) -> Iterator[Relay]:
    port = free_port()
    with rtsp_server(port, film=film, sound=sound), relay(port) as relayed:
        yield relayed


def look(relayed: Relay, count: int, clock: Callable[[], float] = time.monotonic) -> list[Frame]:
    uri = f"rtsp://127.0.0.1:{relayed.port}/camera"
    with closing(open_source(uri, SourceOptions(transport="udp"), clock)) as source:
        frames = [source.read(threading.Event()) for _ in range(count)]
    return [frame for frame in frames if frame]


class Beheaded:
    """Loses the beginning of each stream, with which the server sends parameter sets though it is no key picture."""

    def __init__(self) -> None:
        self._seen: dict[bytes, int] = {}

    def __call__(self, datagram: bytes) -> list[bytes]:
        source = datagram[8:12]
        self._seen[source] = self._seen.get(source, 0) + 1
        return [] if self._seen[source] <= _BEGINNING else [datagram]


class Taciturn:
    """Keeps a camera's parameter sets out of what it says of its stream, so that they come with key pictures alone."""

    def __init__(self, most: int = 2) -> None:
        """Only ``most`` clients at a time are told anything."""
        self._most = most
        self.told = 0

    def __call__(self, sent: bytes) -> list[bytes]:
        if b"application/sdp" not in sent:
            return [sent]
        self.told += 1
        if self.told > self._most:
            raise ConnectionError
        kept = re.sub(rb";sprop-parameter-sets=[^;\r]*", b"", sent)
        shorter = len(sent) - len(kept)
        return [re.sub(rb"(?<=Content-Length: )\d+", lambda length: b"%d" % (int(length[0]) - shorter), kept)]


def test_a_camera_with_a_microphone_is_asked_for_its_pictures_alone() -> None:
    with camera(sound=True) as relayed:
        assert len(look(relayed, 5)) == 5
    assert relayed.asked.count("SETUP") == 1


def test_a_camera_is_given_up_when_its_pictures_stop_though_its_microphone_goes_on() -> None:
    with camera(sound=True) as relayed, pytest.raises(SourceReadError, match=r"ended its stream|no answer"):
        look(relayed, 1000)


def test_a_camera_is_connected_to_once_where_it_says_what_it_shows(tmp_path: Path, whole: set[bytes]) -> None:
    with camera(tmp_path / "film.mp4") as relayed:
        frames = look(relayed, 20)
    assert relayed.asked.count("DESCRIBE") == 1
    assert {frame.image.luma().tobytes() for frame in frames} <= whole


def test_a_camera_is_connected_to_anew_and_read_where_it_does_not(tmp_path: Path, whole: set[bytes]) -> None:
    with camera(tmp_path / "film.mp4") as relayed:
        relayed.fault, relayed.tcp_fault = Beheaded(), Taciturn()
        frames = look(relayed, 20)
    assert relayed.asked.count("DESCRIBE") == 2
    assert {frame.image.luma().tobytes() for frame in frames} <= whole


def test_a_camera_that_serves_one_at_a_time_is_seen_from_its_first_key_picture_on(
    tmp_path: Path, whole: set[bytes]
) -> None:
    with camera(tmp_path / "film.mp4") as relayed:
        relayed.fault, relayed.tcp_fault = Beheaded(), (taciturn := Taciturn(most=1))
        frames = look(relayed, 20)
    assert taciturn.told == 2
    assert {frame.image.luma().tobytes() for frame in frames} <= whole


def test_no_second_connection_is_waited_for_once_the_first_took_all_the_time_that_opening_may(
    tmp_path: Path, whole: set[bytes]
) -> None:
    with camera(tmp_path / "film.mp4") as relayed:
        relayed.fault, relayed.tcp_fault = Beheaded(), Taciturn()

        def clock() -> float:
            # As if the camera had taken a minute to say what it shows.
            return time.monotonic() + (60.0 if "DESCRIBE" in relayed.asked else 0.0)

        frames = look(relayed, 20, clock)
    assert relayed.asked.count("DESCRIBE") == 1
    assert {frame.image.luma().tobytes() for frame in frames} <= whole

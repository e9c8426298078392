"""Cameras to stream: drawn films encoded as cameras do, and a real RTSP server that plays them on loopback."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from numpy.typing import NDArray

from models.errors import NexaraError
from scenes import Footage

_PYTHON = "/usr/bin/python3"
_SERVER = Path(__file__).with_name("rtsp_server.py")
_NEEDED = (
    "gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad"
)


class StreamingError(NexaraError):
    """Films cannot be streamed here."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a camera encodes: a key picture every ``key_every_s`` seconds and no picture built on a later one, as live
    encoders do; x264's constant rate factor ``crf``, and no more than ``kbit_a_second``, as cameras are set up to."""

    key_every_s: float = 2.0
    crf: int = 24
    kbit_a_second: int = 2000


def film_footage(footage: Footage, path: Path, encoding: Encoding = Encoding()) -> Path:
    """Encode footage as H.264 in MP4; a film that is there already is kept, and one appears only when whole."""
    images = (picture.image for picture in footage.frames())
    return film_pictures(images, (footage.width, footage.height), footage.fps, path, encoding)


def film_pictures(
    pictures: Iterable[NDArray[np.uint8]],
    size: tuple[int, int],
    fps: float,
    path: Path,
    encoding: Encoding = Encoding(),
) -> Path:
    """Encode pictures ``(height, width, 3) uint8 BGR``, ``fps`` a second, as H.264 in MP4; ``size`` is ``(width,
    height)``. A film that is there already is kept, and one appears only when whole."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with av.open(str(part), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.options = {**_options(encoding, fps)}
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    part.replace(path)
    return path


def _options(encoding: Encoding, fps: float) -> dict[str, str]:
    spacing = str(max(1, round(fps * encoding.key_every_s)))
    return {
        "preset": "veryfast",
        "tune": "zerolatency",
        "crf": str(encoding.crf),
        "g": spacing,
        "keyint_min": spacing,
        "sc_threshold": "0",
        "maxrate": f"{encoding.kbit_a_second}k",
        "bufsize": f"{encoding.kbit_a_second}k",
    }


def join_films(films: Sequence[Path], path: Path) -> Path:
    """The films one after another, their packets copied as they are; one that is there already is kept. For films of
    one encoder that begin with a key picture and build on no later one. Raises ``StreamingError`` where one decoder's
    parameters do not serve them all."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with av.open(str(films[0])) as first, av.open(str(part), "w", format="mp4") as target:
        parameters = first.streams.video[0].codec_context.extradata
        stream = target.add_stream_from_template(first.streams.video[0])
        start_s = 0.0
        for film in films:
            with av.open(str(film)) as source:
                video = source.streams.video[0]
                if video.codec_context.extradata != parameters:
                    raise StreamingError(f"{film}: encoded otherwise than {films[0]}; films to join need one encoder")
                _copy(source, target, stream, start_s)
                start_s += length_s(video)
    part.replace(path)
    return path


def length_s(video: av.VideoStream) -> float:
    """Seconds that a film lasts."""
    return float((video.duration or 0) * (video.time_base or 0))


def _copy(source: InputContainer, target: OutputContainer, stream: av.VideoStream, start_s: float) -> None:
    video = source.streams.video[0]
    base = video.time_base or Fraction(1)
    shift = round(start_s / base)
    for packet in source.demux(video):
        if packet.pts is None or packet.dts is None:
            continue
        packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
        target.mux(packet)


@dataclass(frozen=True, slots=True)
class Streams:
    """Films being served: an address for each, and by number when it was first begun, by ``time.monotonic``."""

    addresses: tuple[str, ...]
    began_s: Mapping[int, float]


@contextmanager
def serve(port: int, films: Sequence[Path]) -> Iterator[Streams]:
    """Serve each film at an address of its own; raises ``StreamingError`` where the server does not start."""
    command = [_PYTHON, str(_SERVER), str(port), *map(str, films)]
    began_s: dict[int, float] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        lines = iter(server.stdout or ())
        try:
            if next(lines, "") != "ready\n":
                raise StreamingError(f"no RTSP server starts here; install the Debian packages {_NEEDED}")
            threading.Thread(target=_note, args=(lines, began_s), daemon=True).start()
            yield Streams(tuple(f"rtsp://127.0.0.1:{port}/{number}" for number in range(len(films))), began_s)
        finally:
            server.kill()


def _note(lines: Iterator[str], began_s: dict[int, float]) -> None:
    for line in lines:
        word, number, seconds = line.split()
        if word == "playing":
            began_s.setdefault(int(number), float(seconds))

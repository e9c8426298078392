"""Cameras to stream: drawn films encoded as cameras do, and a real RTSP server that plays them on loopback."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

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
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    spacing = str(max(1, round(footage.fps * encoding.key_every_s)))
    with av.open(str(part), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(footage.fps).limit_denominator(1000))
        stream.width, stream.height, stream.pix_fmt = footage.width, footage.height, "yuv420p"
        stream.options = {
            "preset": "veryfast",
            "tune": "zerolatency",
            "crf": str(encoding.crf),
            "g": spacing,
            "keyint_min": spacing,
            "sc_threshold": "0",
            "maxrate": f"{encoding.kbit_a_second}k",
            "bufsize": f"{encoding.kbit_a_second}k",
        }
        for picture in footage.frames():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture.image, format="bgr24")))
        container.mux(stream.encode(None))
    part.replace(path)
    return path


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

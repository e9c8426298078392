"""What it costs to keep the newest pictures of cameras for clips: a core's time and memory.

A film of noise that moves is encoded as H.264 at a camera's rate and read packet by packet into as many recorders as
there are cameras. Usage: ``python -m benchmarks.recording``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import msgspec
import numpy as np

from benchmarks.outcome import machine_line, run, tell, write_json
from edge_agent.clips.footage import FootageQueue
from edge_agent.clips.policy import ClipPolicy
from edge_agent.clips.recorder import CameraRecorder
from edge_agent.delivery.payloads import BundleName
from edge_agent.health import read_memory

FPS, KEY_EVERY_S = 15, 2
_SIZE = (720, 1280)
_BUNDLE = BundleName(name="none", version="0")


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """``core_share`` is of one core, for all ``cameras``; ``camera_bytes`` is the memory that one takes."""

    cameras: int
    megabits: float
    packet_us: float
    core_share: float
    camera_bytes: float


def main(argv: list[str]) -> int:
    """Measure and tell."""
    arguments = _parser().parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        film = write_noise(Path(folder) / "film.mp4", arguments.seconds, arguments.megabits)
        result = measure(film, arguments.cameras)
    tell(describe(result))
    write_json(arguments.json, result)
    return 0


def write_noise(path: Path, seconds: int, megabits: float) -> Path:
    """A film of ``FPS`` pictures a second with a key picture every ``KEY_EVERY_S`` seconds, of about that rate."""
    random = np.random.default_rng(1)
    noise = random.integers(0, 255, (_SIZE[0] // 16 + 8, _SIZE[1] // 16, 3)).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(FPS))
        stream.height, stream.width, stream.pix_fmt = *_SIZE, "yuv420p"
        stream.bit_rate = round(megabits * 1e6)
        stream.options = {"preset": "ultrafast", "g": str(FPS * KEY_EVERY_S), "keyint_min": str(FPS * KEY_EVERY_S)}
        for index in range(seconds * FPS):
            shown = np.roll(noise, index, axis=index % 2)[: _SIZE[0] // 16].repeat(16, 0).repeat(16, 1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def measure(film: Path, cameras: int) -> Result:
    """Give every packet of the film to each camera's recorder, all cameras side by side."""
    queue = FootageQueue(1)
    recorders = [CameraRecorder(str(index), ClipPolicy(), _BUNDLE, queue, time.monotonic) for index in range(cameras)]
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        feeds = [feed for recorder in recorders if (feed := recorder.open(stream)) is not None]
        memory, began_s = read_memory(), time.process_time()
        for packet in packets:
            for one in feeds:
                one.take(packet)
        spent_s, grown = time.process_time() - began_s, read_memory() - memory
    packet_s = spent_s / (len(packets) * len(feeds))
    return Result(
        cameras=cameras,
        megabits=sum(packet.size for packet in packets) * 8 / (len(packets) / FPS) / 1e6,
        packet_us=packet_s * 1e6,
        core_share=packet_s * FPS * cameras,
        camera_bytes=grown / cameras,
    )


def describe(result: Result) -> Iterator[str]:
    """The result, a line each."""
    yield machine_line()
    yield f"{result.cameras} cameras of {result.megabits:.1f} Mbit/s, {FPS} pictures a second"
    yield f"{result.packet_us:.1f} us a packet, {result.core_share:.2%} of a core for all cameras"
    yield f"{result.camera_bytes / 1e6:.1f} MB a camera"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recording", description=__doc__)
    parser.add_argument("--cameras", type=int, default=36, help="how many (default 36)")
    parser.add_argument("--megabits", type=float, default=2.0, help="of each, a second (default 2)")
    parser.add_argument("--seconds", type=int, default=30, help="of film (default 30)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the result there")
    return parser


if __name__ == "__main__":
    run(main)

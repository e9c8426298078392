"""Films whose size, rate or soundness changes on the way, as a camera's stream may."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.codec import CodecContext
from av.video.codeccontext import VideoCodecContext

H264, H265 = "libx264", "libx265"

_TICKS = 15_360
# Beyond the parameter sets and a slice's header, so that it is still taken for a picture.
_SPOILED_FROM = 100
_SPOILED_EVERY = 100


@dataclass(frozen=True, slots=True)
class Act:
    """A stretch of noise, ``size`` as ``(h, w)``, with a key picture at its start and every second; of a ``spoiled``
    one every hundredth byte or so is another than was encoded."""

    seconds: float
    size: tuple[int, int] = (120, 160)
    fps: int = 15
    spoiled: bool = False


def write_acts(path: Path, acts: Sequence[Act], encoder_name: str = H264) -> Path:
    """Encode acts one after the other into MP4, each but the first with its parameter sets in its own stream."""
    random, spoiling, ticks = np.random.default_rng(1), np.random.default_rng(2), 0
    with av.open(str(path), "w") as container:
        stream = container.add_stream(encoder_name, rate=acts[0].fps)
        for number, act in enumerate(acts):
            encoder = CodecContext.create(encoder_name, "w") if number else stream.codec_context
            for packet in _encode(encoder, act, ticks, random):
                packet.stream = stream
                if act.spoiled:
                    _spoil(packet, spoiling)
                container.mux(packet)
            ticks += round(act.fps * act.seconds) * (_TICKS // act.fps)
    return path


def whole_pictures(path: Path, acts: Sequence[Act], encoder_name: str = H264) -> set[bytes]:
    """The luma of each picture that ``write_acts`` encodes, before any is spoiled."""
    whole = [replace(act, spoiled=False) for act in acts]
    with av.open(str(write_acts(path, whole, encoder_name))) as container:
        return {frame.to_ndarray(format="gray").tobytes() for frame in container.decode(video=0)}


def _encode(
    encoder: VideoCodecContext, act: Act, ticks: int, random: np.random.Generator
) -> Iterator[av.Packet[av.VideoStream]]:
    encoder.height, encoder.width = act.size
    encoder.pix_fmt, encoder.framerate, encoder.time_base = "yuv420p", act.fps, Fraction(1, _TICKS)
    spacing = str(act.fps)
    encoder.options = {"crf": "30"} | (
        {"g": spacing, "keyint_min": spacing, "sc_threshold": "0", "bf": "0"}
        if encoder.name == H264
        else {"x265-params": f"log-level=none:keyint={spacing}:min-keyint={spacing}:scenecut=0:bframes=0:open-gop=0"}
    )
    for index in range(round(act.fps * act.seconds)):
        noise = random.integers(0, 256, (*act.size, 3)).astype(np.uint8)
        frame = av.VideoFrame.from_ndarray(noise, format="bgr24")
        frame.pts, frame.time_base = ticks + index * (_TICKS // act.fps), encoder.time_base
        yield from encoder.encode(frame)
    yield from encoder.encode(None)


def _spoil(packet: av.Packet[av.VideoStream], random: np.random.Generator) -> None:
    content = bytearray(bytes(packet))
    for place in random.integers(_SPOILED_FROM, len(content), len(content) // _SPOILED_EVERY):
        content[place] ^= int(random.integers(1, 256))
    packet.update(bytes(content))

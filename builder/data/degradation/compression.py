"""H.264 there and back, on a whole clip, so that what it leaves in time is real: blocks that lag, skip and pulse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Final

import av
import numpy as np
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from builder.errors import DataError

Luma = NDArray[np.uint8]
ENCODER: Final = "libx264"
KEY_INTERVAL_S = 2.0
"""A usual distance of key frames in recorders; the picture pulses at each."""


def compress(frames: Iterable[Luma], rate_hz: float, crf: float) -> Iterator[Luma]:
    """Encode pictures ``(H, W) uint8`` of one size at a constant rate factor, decode them, and give as many again.

    As recorders do, without bidirectional frames. Raises ``DataError`` where FFmpeg comes without libx264.
    """
    decoder = av.CodecContext.create("h264", "r")
    # Frame threads would hold pictures back, and take longer to start than these small pictures take.
    decoder.thread_count = 1
    encoder = None
    for number, luma in enumerate(frames):
        if encoder is None:
            encoder = _encoder(luma.shape[0], luma.shape[1], rate_hz, crf)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(luma), format="gray")
        frame.pts = number
        for packet in encoder.encode(frame):
            yield from _lumas(decoder.decode(packet))
    if encoder is not None:
        for packet in encoder.encode(None):
            yield from _lumas(decoder.decode(packet))
        yield from _lumas(decoder.decode(None))


def _encoder(height: int, width: int, rate_hz: float, crf: float) -> av.VideoCodecContext:
    try:
        encoder = av.CodecContext.create(ENCODER, "w")
    except (av.FFmpegError, ValueError) as error:
        raise DataError(
            f"FFmpeg here has no {ENCODER}, which degrading clips needs; install PyAV's own wheel (pip install av)"
        ) from error
    rate = Fraction(rate_hz).limit_denominator(1000)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "gray"
    encoder.framerate, encoder.time_base = rate, 1 / rate
    # Lumas here use all 256 levels; without a word on it the decoder would take 16 to 235 for all there are.
    encoder.color_range = ColorRange.JPEG
    encoder.options = {
        "crf": f"{crf:.2f}",
        "preset": "superfast",
        "bf": "0",
        "g": str(max(1, round(KEY_INTERVAL_S * rate_hz))),
        "threads": "1",
    }
    return encoder


def _lumas(frames: Iterable[av.VideoFrame]) -> Iterator[Luma]:
    for frame in frames:
        # More threads than one would be started anew for every frame.
        yield np.asarray(frame.to_ndarray(format="gray", threads=1), np.uint8)

"""Pictures into an MP4 file as H.264, for clips that cannot be copies."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import av
from av.container import OutputContainer

from edge_agent.clips.errors import ClipError

TIME_BASE = Fraction(1, 90_000)
# Cameras send 8 to 30 a second; faster ones are thinned out.
MOST_RATE = 30
_KEY_EVERY_S = 2
_BITS = 3_000_000
# The first that this machine's FFmpeg has and that opens. Those of a chip come last: they may be there in name only.
ENCODERS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "libx264": {"preset": "veryfast", "tune": "zerolatency", "crf": "25", "maxrate": "4M", "bufsize": "8M"},
        "libopenh264": {},
        "h264_v4l2m2m": {},
        "h264_nvenc": {},
    }
)


def list_encoders() -> tuple[str, ...]:
    """Those that this machine's FFmpeg has, best first."""
    return tuple(name for name in ENCODERS if name in av.codec.codecs_available)


class H264Stream:
    """The one stream of ``container``, of ``size`` ``(height, width)``, both even."""

    def __init__(self, container: OutputContainer, size: tuple[int, int], colourspace: int) -> None:
        """``colourspace`` is FFmpeg's number of it. Raises ``ClipError`` where nothing here encodes H.264."""
        self._container = container
        self._stream = _open(container, size, colourspace)

    def write(self, frame: av.VideoFrame, time_s: float) -> None:
        """Add a picture ``yuv420p`` that is shown at ``time_s``, later than the one before; raises what FFmpeg
        raises."""
        frame.pts, frame.time_base = round(time_s / TIME_BASE), TIME_BASE
        self._container.mux(self._stream.encode(frame))

    def end(self) -> None:
        """Write what the encoder still holds; raises what FFmpeg raises."""
        self._container.mux(self._stream.encode(None))


def _open(container: OutputContainer, size: tuple[int, int], colourspace: int) -> Any:  # noqa: ANN401 PyAV's type varies
    refusals = []
    for name in list_encoders():
        # A stream that was added cannot be taken away again: what opens at all is tried in a file of its own.
        refusal = _try(name, size)
        if refusal is None:
            stream: Any = container.add_stream(name, rate=MOST_RATE)
            _set(stream.codec_context, name, size)
            stream.codec_context.colorspace, stream.codec_context.color_range = colourspace, 1
            return stream
        refusals.append(f"{name}: {refusal}")
    told = "; ".join(refusals) or f"this FFmpeg has none of {', '.join(ENCODERS)}"
    raise ClipError(f"no H.264 can be encoded here, which hiding in clips needs ({told}); install PyAV's own wheel")


def _try(name: str, size: tuple[int, int]) -> str | None:
    """Why an encoder cannot be opened; ``None``: it can."""
    try:
        context = av.CodecContext.create(name, "w")
        _set(context, name, size)
        context.open()
    except (av.FFmpegError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    return None


def _set(context: Any, name: str, size: tuple[int, int]) -> None:  # noqa: ANN401 PyAV's type varies
    context.height, context.width, context.pix_fmt = *size, "yuv420p"
    context.time_base, context.framerate = TIME_BASE, Fraction(MOST_RATE)
    context.gop_size, context.max_b_frames = MOST_RATE * _KEY_EVERY_S, 0
    context.bit_rate = 0 if "crf" in ENCODERS[name] else _BITS
    # On its caller's thread alone: the other cores judge.
    context.thread_count = 1
    context.options = {"profile": "main", **ENCODERS[name]}

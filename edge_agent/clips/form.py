"""What two streams must have in common to be in one file, and what a file must know of its stream."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from fractions import Fraction

import av

from edge_agent.clips.errors import StreamFormError

# What players take from an MP4 file. MJPEG could be put there too, and hardly anything would show it.
CODECS = ("h264", "hevc", "av1", "mpeg4")


@dataclass(frozen=True, slots=True)
class StreamForm:
    """``size`` is ``(height, width)`` in pixels; ``parameters`` are what a decoder needs before the first picture."""

    codec: str
    size: tuple[int, int]
    time_base: Fraction
    parameters: bytes = field(repr=False)
    template: av.VideoStream = field(repr=False, compare=False)


def read_form(stream: av.VideoStream) -> StreamForm:
    """The form of an opened stream, which may be closed afterwards; raises ``StreamFormError``."""
    context = stream.codec_context
    codec = context.codec.canonical_name
    if codec not in CODECS or stream.time_base is None:
        raise StreamFormError(f"found a stream of {codec}; allowed are {', '.join(CODECS)}; set the camera to H.264")
    try:
        # The stream ends with its camera's connection; one of an unwritten file keeps its parameters.
        template = av.open(io.BytesIO(), "w", format="mp4").add_stream_from_template(stream)
    except (av.FFmpegError, ValueError) as error:
        raise StreamFormError(f"found a stream of {codec} that cannot be copied: {error}") from error
    return StreamForm(codec, (context.height, context.width), stream.time_base, context.extradata or b"", template)

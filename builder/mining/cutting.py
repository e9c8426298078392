"""A stretch of a video cut out without loss, so that what was mined cannot be told by its compression."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import cast

import av
from av.video.frame import PictureType
from av.video.reformatter import ColorRange

from builder.data.frames import timed_frames
from builder.errors import DataError

SUFFIX = ".mkv"
_CODEC = "ffv1"
_EARLIER_S = 1.0
_TICKS = Fraction(1, 90_000)
_SLACK_S = 1e-3


def cut_clip(video: Path, start_s: float, end_s: float, clip: Path) -> int:
    """Write the frames of ``video`` from ``start_s`` to ``end_s``, seconds since its first frame, to ``clip``
    (Matroska, FFV1): the same pixels in the same format, at the same times, to a millisecond, after the first of them.

    Returns how many there are; the file appears under its name only when whole. Raises ``DataError`` when the video
    cannot be decoded or has no frame there, and ``OSError`` when the clip cannot be written.
    """
    part = clip.with_name(clip.name + ".part")
    count = 0
    with av.open(str(part), "w", format="matroska") as container:
        stream: av.VideoStream | None = None
        first_s = 0.0
        for time_s, original in _frames(video, start_s, end_s):
            frame = _storable(original)
            if stream is None:
                stream, first_s = _stream(container, frame), time_s
            frame.pts, frame.time_base = round((time_s - first_s) / _TICKS), _TICKS
            # What the source's codec made of a frame (its type among others) is no order to this one.
            frame.pict_type = PictureType.NONE
            container.mux(stream.encode(frame))
            count += 1
        if stream is not None:
            container.mux(stream.encode(None))
    if not count:
        part.unlink(missing_ok=True)
        raise DataError(f"{video}: no frame between {start_s:.2f} and {end_s:.2f} s; is the file still the same?")
    part.replace(clip)
    return count


def _storable(frame: av.VideoFrame) -> av.VideoFrame:
    """The same pixels in a format that the codec knows: "yuvj" is an older name of "yuv" with all 256 levels."""
    name = frame.format.name
    if not name.startswith("yuvj"):
        return frame
    return frame.reformat(
        format=name.replace("yuvj", "yuv"), src_color_range=ColorRange.JPEG, dst_color_range=ColorRange.JPEG
    )


def _stream(container: av.container.OutputContainer, frame: av.VideoFrame) -> av.VideoStream:
    stream = cast("av.VideoStream", container.add_stream(_CODEC))
    stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, frame.format.name
    stream.codec_context.time_base = _TICKS
    # Without these a reader would take other weights for luma and colour.
    context = stream.codec_context
    context.color_range, context.colorspace = frame.color_range, frame.colorspace
    context.color_primaries, context.color_trc = frame.color_primaries, frame.color_trc
    return stream


def _frames(video: Path, start_s: float, end_s: float) -> Iterator[tuple[float, av.VideoFrame]]:
    opening = next(timed_frames(video))
    begun_s = opening.time_s
    # Counted frames have no time to seek by, and an index may lie: both are then decoded from the beginning.
    frames = timed_frames(video, None if opening.counted else max(begun_s, begun_s + start_s - _EARLIER_S))
    first = next(frames, None)
    if first is None or first.counted != opening.counted or first.time_s > begun_s + start_s:
        first, frames = None, timed_frames(video)
    for timed in frames if first is None else chain([first], frames):
        if timed.time_s - begun_s > end_s + _SLACK_S:
            return
        if timed.time_s - begun_s >= start_s - _SLACK_S:
            yield timed.time_s - begun_s, timed.frame

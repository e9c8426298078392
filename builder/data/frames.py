"""A video's frames with times that can be believed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import NamedTuple

import av

from builder.errors import DataError

_PROBED = 32
"""Frames by which a container is judged: one that stamps frames in the order they are stored, not shown, shows it
within a few."""


class TimedFrame(NamedTuple):
    """One decoded frame, its time in seconds and the stream's nominal ``rate`` in frames a second. ``counted`` frames
    are of a container whose time stamps do not rise; their time is their number by the rate."""

    time_s: float
    rate: float
    counted: bool
    frame: av.VideoFrame


def timed_frames(path: Path, sought_s: float | None = None) -> Iterator[TimedFrame]:
    """Decode a video frame by frame, from the last key frame before the container's own time ``sought_s`` if given.

    It ends at the end or where the file is broken. Raises ``DataError`` naming the file when it gives no frame at all.
    """
    given = False
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            if sought_s is not None and stream.time_base is not None:
                container.seek(round(sought_s / stream.time_base), stream=stream)
            rate = float(stream.average_rate or 25)
            for timed in _stamped(container.decode(stream), rate):
                given = True
                yield timed
    except (av.FFmpegError, IndexError, OSError, ValueError) as error:
        if not given:
            raise DataError(
                f"{path}: cannot be decoded ({_reason(path, error)}); replace the file or remove it"
            ) from error


def _stamped(decoded: Iterator[av.VideoFrame], rate: float) -> Iterator[TimedFrame]:
    head: list[av.VideoFrame] = []
    broken: Exception | None = None
    try:
        head.extend(islice(decoded, _PROBED))
    except (av.FFmpegError, ValueError) as error:
        broken = error
    stamps = [frame.time for frame in head]
    rising = all(a is not None and b is not None and a < b for a, b in pairwise(stamps))
    number = 0
    for frame in head:
        yield _timed(frame, number, rate, rising)
        number += 1
    if broken is not None:
        raise broken
    for frame in decoded:
        yield _timed(frame, number, rate, rising)
        number += 1


def _timed(frame: av.VideoFrame, number: int, rate: float, rising: bool) -> TimedFrame:
    time_s = frame.time
    if time_s is None or not rising:
        return TimedFrame(number / rate, rate, not rising, frame)
    return TimedFrame(time_s, rate, False, frame)


def _reason(path: Path, error: Exception) -> str:
    """Why a clip gave no frame, without the path and the number that the decoder's own words hold."""
    if path.is_file() and not path.stat().st_size:
        return "the file is empty"
    if isinstance(error, IndexError):
        return "it holds no video"
    return getattr(error, "strerror", None) or str(error)

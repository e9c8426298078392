"""A video of any length as samples in time, with no more of it in memory than a sample needs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from builder.data.decode import read_luma
from builder.data.samples import TIE_S, nearest_frames
from models.manifest import Geometry, Preprocessing
from models.preprocessing import make_sample, shrink


class TimedSample(NamedTuple):
    """A sample ``(H, W, C) uint8`` and its instant in seconds since the video's first frame."""

    time_s: float
    pixels: NDArray[np.uint8]


def stream_samples(path: Path, geometry: Geometry, preprocessing: Preprocessing) -> Iterator[TimedSample]:
    """The samples that ``clip_samples`` would cut from the whole video, one by one.

    A frame whose time does not rise is left out. Raises ``DataError`` when the video cannot be decoded.
    """
    frames: deque[tuple[float, NDArray[np.uint8]]] = deque()
    reach_s = 2 * geometry.frame_gap_s
    begun_s, number = 0.0, 0
    for frame in read_luma(path):
        if not frames:
            begun_s = frame.time_s
        time_s = frame.time_s - begun_s
        if frames and time_s <= frames[-1][0]:
            continue
        frames.append((time_s, shrink(frame.luma, preprocessing)))
        # The frame nearest to an instant is known once one at or after it is there.
        while (instant_s := reach_s + number / geometry.rate_hz) <= time_s + TIE_S:
            yield _cut(frames, instant_s, geometry, preprocessing)
            number += 1
        _forget(frames, reach_s + number / geometry.rate_hz - reach_s)


def _cut(
    frames: deque[tuple[float, NDArray[np.uint8]]], instant_s: float, geometry: Geometry, preprocessing: Preprocessing
) -> TimedSample:
    times_s = np.array([time_s for time_s, _ in frames])
    wanted = instant_s - np.array([2, 1, 0]) * geometry.frame_gap_s
    before, now, after = (frames[place][1] for place in nearest_frames(times_s, wanted))
    return TimedSample(instant_s, make_sample(before, now, after, preprocessing))


def _forget(frames: deque[tuple[float, NDArray[np.uint8]]], needed_s: float) -> None:
    # The newest frame before the earliest instant still needed may be the one nearest to it.
    while len(frames) > 2 and frames[1][0] <= needed_s:  # noqa: PLR2004 - two frames make an interval
        frames.popleft()

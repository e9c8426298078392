"""A clip's frames, decoded once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from builder.data.frames import timed_frames
from builder.errors import DataError
from models.manifest import Preprocessing
from models.preprocessing import shrink

MIN_FRAMES = 2
MAX_FRAMES = 20_000
STEP_SLACK_S = 1e-3
"""Time stamps are rounded; a frame that is due by less than this is due."""


class LumaFrame(NamedTuple):
    """One frame of a video: ``time_s`` as its container gives it, the stream's nominal ``rate`` in frames a second, and
    ``luma (h, w) uint8``."""

    time_s: float
    rate: float
    luma: NDArray[np.uint8]


class DecodedClip(NamedTuple):
    """``times_s (F,) float64`` from 0, ascending, and shrunk luma ``frames (F, H, W) uint8``."""

    times_s: NDArray[np.float64]
    frames: NDArray[np.uint8]

    def decoded(self) -> DecodedClip:
        """Itself: it is in memory already."""
        return self


class Footage(Protocol):
    """A clip whose frames are in memory, or are brought there when they are looked at."""

    def decoded(self) -> DecodedClip: ...


class StoredClip(NamedTuple):
    """A clip that is read each time that it is looked at: hundreds of them are more than memory holds, and the system
    keeps in its cache what is looked at often."""

    read: Callable[[], DecodedClip]

    def decoded(self) -> DecodedClip:
        """Its frames, from where it is stored."""
        return self.read()


def read_luma(path: Path, step_s: float = 0.0) -> Iterator[LumaFrame]:
    """Decode a video frame by frame, giving luma in its own size; of frames less than ``step_s`` apart the later ones
    are left out.

    It ends at the end or where the file is broken. Raises ``DataError`` naming the file when it gives no frame at all.
    """
    given_s = -math.inf
    for time_s, rate, _, frame in timed_frames(path):
        # A clock that jumps back gives a frame too, rather than none until it has caught up.
        if abs(time_s - given_s) < step_s - STEP_SLACK_S:
            continue
        given_s = time_s
        # More threads than one would be started anew for every frame, which takes longer than the conversion.
        yield LumaFrame(time_s, rate, np.asarray(frame.to_ndarray(format="gray", threads=1), np.uint8))


def decode_clip(path: Path, preprocessing: Preprocessing) -> DecodedClip:
    """Decode every frame's luma and shrink it as the agent does.

    Raises ``DataError`` naming the clip when it is missing, corrupt, empty, or longer than ``MAX_FRAMES``.
    """
    return decode_clip_at_sizes(path, (preprocessing,))[0]


def decode_clip_at_sizes(path: Path, preprocessings: Sequence[Preprocessing]) -> tuple[DecodedClip, ...]:
    """The same clip once for each of ``preprocessings``, from decoding it once. Raises as ``decode_clip`` does."""
    times: list[float] = []
    frames: list[list[NDArray[np.uint8]]] = []
    rate = 0.0
    for frame in read_luma(path):
        rate = frame.rate
        times.append(frame.time_s)
        frames.append([shrink(frame.luma, preprocessing) for preprocessing in preprocessings])
        if len(frames) > MAX_FRAMES:
            raise DataError(f"{path}: more than {MAX_FRAMES} frames; cut it into shorter clips")
    if len(frames) < MIN_FRAMES:
        raise DataError(
            f"{path}: {len(frames)} frame(s) found, at least {MIN_FRAMES} are needed; replace the file or remove it"
        )
    ascending = _ascending(np.asarray(times), rate)
    return tuple(DecodedClip(ascending, np.stack(shrunk)) for shrunk in zip(*frames, strict=True))


def _ascending(times: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    # Broken containers repeat or reverse time stamps; their nominal rate is then the better clock.
    if np.all(np.diff(times) > 0):
        return np.asarray(times - times[0])
    return np.arange(len(times)) / rate

"""What a poorer camera or link does to time: fewer frames a second, and frames that never came.

The same frames are missing for all samples of a view.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

MIN_FRAMES = 2
TIE = 1e-6


class TemporalAugmentation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """``drop``: the largest share of frames that are dropped, each shown as a repeat of its predecessor.
    ``lowest_rate_hz``: the lowest rate of the camera as which the clip is seen, drawn from there up to the clip's own;
    0 leaves either as it is."""

    drop: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    lowest_rate_hz: Annotated[float, msgspec.Meta(ge=0)] = 0.0


class Seen(NamedTuple):
    """What a camera shows: at ``times_s (K,)``, the clip's frames ``frames (K,) intp``."""

    times_s: NDArray[np.float64]
    frames: NDArray[np.intp]


def see_frames(
    times_s: NDArray[np.float64], temporal: TemporalAugmentation, speed: float, rng: np.random.Generator
) -> Seen:
    """The frames of a clip with ``times_s (F,)`` that are left, ``speed`` times as fast as they were taken.

    A lower rate takes frames away with their times, so that what asks for a moment gets the nearest frame that such a
    camera has. A dropped frame leaves its time with its predecessor's picture, as decoders and recorders do.
    """
    # Each technique draws for itself, so that switching one on leaves the other's draws as they were.
    of_rate, of_drops = rng.spawn(2)
    frames = np.arange(len(times_s))
    if temporal.lowest_rate_hz:
        frames = _at_lower_rate(times_s, temporal.lowest_rate_hz / speed, of_rate)
    times_s = times_s[frames]
    if temporal.drop:
        kept = of_drops.random(len(frames)) >= of_drops.uniform(0, temporal.drop)
        kept[0] = True
        frames = frames[np.maximum.accumulate(np.where(kept, np.arange(len(frames)), 0))]
    return Seen(times_s, frames)


def _at_lower_rate(times_s: NDArray[np.float64], lowest_hz: float, rng: np.random.Generator) -> NDArray[np.intp]:
    own = (len(times_s) - 1) / float(times_s[-1] - times_s[0])
    drawn = float(rng.uniform(min(lowest_hz, own), own))
    # Each frame that falls due is the first one that is there by then, whatever rounding says of the clip's own rate.
    due = np.floor((times_s - times_s[0]) * drawn + TIE)
    taken = np.flatnonzero(np.diff(due, prepend=-1.0) > 0)
    return taken if len(taken) >= MIN_FRAMES else np.arange(len(times_s))

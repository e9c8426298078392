"""From embeddings in time to the window a head sees; builder and agent share it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.manifest import Geometry


def pick_window(times: NDArray[np.float64], geometry: Geometry) -> NDArray[np.intp]:
    """Indices ``(T,)`` of the embeddings that make the window ending at the newest of a stretch that is watched.

    ``times`` ``(K,)`` are seconds, ascending, ``K >= 1``. The window wants one embedding every ``1 / rate_hz`` back
    from the newest and takes the nearest in time. A stretch that is still shorter makes a window too, down to one
    embedding (a glance): its instants are spread over what there is. Were its oldest repeated instead, the glance that
    woke a camera would be most of the window, and that glance was followed because it was high.
    """
    there_s = times[-1] - times[0]
    if there_s >= (geometry.samples - 1) / geometry.rate_hz:
        return pick_padded_window(times, geometry)
    return _nearest(times, times[-1] - np.linspace(there_s, 0.0, geometry.samples))


def pick_padded_window(times: NDArray[np.float64], geometry: Geometry) -> NDArray[np.intp]:
    """The same of a clip, whose time is not stretched: instants before its oldest embedding take that one."""
    return _nearest(times, times[-1] - np.arange(geometry.samples - 1, -1, -1) / geometry.rate_hz)


def _nearest(times: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.intp]:
    right = np.searchsorted(times, wanted).clip(0, len(times) - 1)
    left = (right - 1).clip(0)
    nearer_left = np.abs(times[left] - wanted) <= np.abs(times[right] - wanted)
    return np.asarray(np.where(nearer_left, left, right), dtype=np.intp)

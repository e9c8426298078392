"""From embeddings in time to the window a head sees; builder and agent share it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.manifest import Geometry


def pick_window(times: NDArray[np.float64], geometry: Geometry) -> NDArray[np.intp]:
    """Indices ``(T,)`` of the embeddings that make the window ending at the newest.

    ``times`` ``(K,)`` are seconds, ascending, ``K >= 1``. The window wants one embedding every ``1 / rate_hz`` back
    from the newest and takes the nearest in time; instants before the oldest take the oldest, so that a glance (one
    embedding) makes a window too.
    """
    wanted = times[-1] - np.arange(geometry.samples - 1, -1, -1) / geometry.rate_hz
    right = np.searchsorted(times, wanted).clip(0, len(times) - 1)
    left = (right - 1).clip(0)
    nearer_left = np.abs(times[left] - wanted) <= np.abs(times[right] - wanted)
    return np.asarray(np.where(nearer_left, left, right), dtype=np.intp)

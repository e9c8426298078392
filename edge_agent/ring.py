"""The newest embeddings of one camera, and the window that the head sees of them."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from models.manifest import Geometry
from models.window import pick_window


class EmbeddingRing:
    """Embeddings of one camera in time.

    Only a dense stretch makes a window: embeddings older than the window, or before a pause above ``largest_gap_s``
    (the glance before this one), show another scene and are left out, as they were in training.
    """

    def __init__(self, geometry: Geometry, largest_gap_s: float) -> None:
        self._geometry = geometry
        self._largest_gap_s = largest_gap_s
        self._span_s = (geometry.samples - 0.5) / geometry.rate_hz
        self._run: int | None = None
        # Twice the window: samples may come denser than the bundle's rate, by configuration or around a wake.
        self._entries: deque[tuple[float, NDArray[np.float32]]] = deque(maxlen=2 * geometry.samples + 2)

    def __len__(self) -> int:
        return len(self._entries)

    def append(self, time_s: float, run: int, embedding: NDArray[np.float32]) -> NDArray[np.float32]:
        """Add an embedding ``(D,)`` of the instant ``time_s`` in the unbroken stretch ``run``, and return the window
        ``(T, D) float32`` that ends at it."""
        if self._entries and (run != self._run or not 0 < time_s - self._entries[-1][0] <= self._largest_gap_s):
            self._entries.clear()
        self._run = run
        self._entries.append((time_s, embedding))
        while time_s - self._entries[0][0] > self._span_s:
            self._entries.popleft()
        times = np.array([entry[0] for entry in self._entries])
        return np.stack([self._entries[index][1] for index in pick_window(times, self._geometry)])

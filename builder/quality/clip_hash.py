"""What a clip shows, as hashes in time, and how far two clips are apart wherever they overlap best.

Two clips of one unmoving camera have nearly the same pictures, whatever happens in them; that they are one recording
shows in the hashes of what changed. Both are therefore compared, at the shift in time that fits best, since copies are
often cut at another moment, scaled and encoded anew.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.quality.picture_hash import BITS, distances

ANCHOR_S = 0.2
"""Hashes this far apart are looked for among all hashes of the other clip."""
CHANGE_S = 0.2
"""Time over which a change is hashed."""
OVERLAP = 0.5
"""Two clips are compared where at least this share of the shorter one overlaps."""
_STEP_S = 0.04
_MOST_OFF_S = 0.035
_FEWEST = 3


class ClipHash(msgspec.Struct, frozen=True):
    """Hashes of a clip: ``times_s (F,)`` from 0, of each ``pictures (F,)``, and of how each differs from the picture
    ``CHANGE_S`` before, ``changes (F,)`` (``None`` where there is none yet, or nothing changed)."""

    times_s: tuple[float, ...]
    pictures: tuple[int, ...]
    changes: tuple[int | None, ...]


class Distance(NamedTuple):
    """Mean number of bits, 0 to 64, in which pictures and changes differ where two clips fit best; 64 where they
    cannot be compared. ``shift_s`` is how much later the second shows what the first shows."""

    pictures: float
    changes: float
    shift_s: float


APART = Distance(float(BITS), float(BITS), 0.0)


class HashTable:
    """A clip's hashes as arrays."""

    def __init__(self, clip: ClipHash) -> None:
        self.times_s = np.array(clip.times_s)
        self.pictures = np.array(clip.pictures, np.uint64)
        self.changes = np.array([change or 0 for change in clip.changes], np.uint64)
        self.changed = np.array([change is not None for change in clip.changes], bool)
        spaced = np.unique(np.searchsorted(self.times_s, np.arange(0, self.times_s[-1] + ANCHOR_S, ANCHOR_S)))
        self.anchors = spaced[spaced < len(self.times_s)]

    def nearest(self, other: HashTable) -> int:
        """Fewest bits by which any anchor's picture differs from any of the other's: at most what a whole comparison
        would find, and much cheaper."""
        return int(distances(self.pictures[self.anchors], other.pictures[other.anchors]).min())

    def distance(self, other: HashTable) -> Distance:
        """How far apart two clips are at the shift where their changes, or without any their pictures, fit best."""
        least = max(_FEWEST, round(OVERLAP * min(len(self.anchors), len(other.anchors))))
        ends = other.times_s[-1], self.times_s[-1]
        shifts = np.arange(-ends[1], ends[0] + _STEP_S, _STEP_S)
        places, there = _places(self.times_s[self.anchors], shifts, other.times_s)
        pictures = _mean(distances(self.pictures[self.anchors], other.pictures), places, there, least)
        both = there & self.changed[self.anchors][None, :] & other.changed[places]
        changes = _mean(distances(self.changes[self.anchors], other.changes), places, both, least)
        if not np.isfinite(pictures).any():
            return APART
        best = int(np.argmin(changes if np.isfinite(changes).any() else pictures))
        found = float(changes[best]) if np.isfinite(changes[best]) else float(BITS)
        return Distance(float(pictures[best]), found, float(shifts[best]))


def _places(
    anchors_s: NDArray[np.float64], shifts: NDArray[np.float64], times_s: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """For each shift and anchor ``(S, A)``, the frame nearest to where it should be, and whether it is near enough."""
    wanted = anchors_s[None, :] + shifts[:, None]
    right = np.searchsorted(times_s, wanted).clip(0, len(times_s) - 1)
    left = (right - 1).clip(0)
    places = np.where(np.abs(wanted - times_s[left]) <= np.abs(times_s[right] - wanted), left, right)
    # A clip of few frames a second has none nearer than half of what lies between them.
    slack = max(_MOST_OFF_S, float(times_s[-1]) / max(1, len(times_s) - 1) / 2)
    return places, np.abs(times_s[places] - wanted) <= slack


def _mean(
    bits: NDArray[np.uint8], places: NDArray[np.intp], there: NDArray[np.bool_], least: int
) -> NDArray[np.float64]:
    """Mean of ``bits (A, F)`` along each shift ``(S,)``; infinite where fewer than ``least`` can be compared."""
    taken = bits[np.arange(len(bits))[None, :], places]
    counted = there.sum(axis=1)
    total = np.where(there, taken, 0).sum(axis=1)
    return np.where(counted >= least, total / np.maximum(counted, 1), np.inf)

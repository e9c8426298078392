"""Perceptual hashes: pictures that look alike have hashes that differ in few bits, whatever their size and codec.

Source: the DCT hash of pHash, as described by Zauner, Implementation and benchmarking of perceptual image hash
functions (2010).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

BITS = 64
SIDE = 32
_KEPT = 8


def shrink_for_hash(luma: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A picture ``(h, w) uint8`` in the size that is hashed, ``(32, 32) float32``."""
    return np.asarray(cv2.resize(luma, (SIDE, SIDE), interpolation=cv2.INTER_AREA), dtype=np.float32)


def hash_picture(small: NDArray[np.float32]) -> int:
    """64 bits of a picture ``(32, 32) float32``: which of its lowest frequencies, the mean apart, are above their
    median."""
    low = cv2.dct(small)[1 : _KEPT + 1, 1 : _KEPT + 1].ravel()
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


def distances(some: NDArray[np.uint64], others: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Bits in which hashes differ: ``(N,)`` and ``(M,)`` to ``(N, M) uint8``, 0 to 64."""
    return np.asarray(np.bitwise_count(some[:, None] ^ others[None, :]), np.uint8)

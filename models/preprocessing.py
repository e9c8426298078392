"""From frames to an encoder's input: the one implementation that builder and agent share.

A sample carries motion, since appearance alone hardly tells a fight from a crowd: amplified signed differences in
time around mid-grey, above all the second one (``acceleration``).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models.manifest import Preprocessing, Tensor

Luma = NDArray[np.uint8]


def shrink(luma: Luma, preprocessing: Preprocessing) -> Luma:
    """Resize a picture of any size to the encoder's ``(H, W)``; ``(h, w) uint8`` in, ``(H, W) uint8`` out."""
    height, width = preprocessing.size
    return np.asarray(cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def make_sample(before: Luma, now: Luma, after: Luma, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Make one sample ``(H, W, C) uint8`` from three shrunk pictures ``(H, W) uint8``, one frame gap apart.

    Differences are signed and stand around 128, where saturated arithmetic clips them.
    """
    planes = {
        "grey": lambda: now,
        "diff_back": lambda: _signed(now, before, preprocessing.difference_gain),
        "diff_forward": lambda: _signed(after, now, preprocessing.difference_gain),
        "acceleration": lambda: _acceleration(before, now, after, preprocessing.difference_gain),
    }
    return np.stack([planes[channel]() for channel in preprocessing.channels], axis=-1)


def _signed(one: Luma, other: Luma, gain: float) -> Luma:
    return np.asarray(cv2.addWeighted(one, gain, other, -gain, 128.0), dtype=np.uint8)


def _acceleration(before: Luma, now: Luma, after: Luma, gain: float) -> Luma:
    # What stands still or moves evenly cancels; what jerks, as limbs in a fight do, stays.
    around = cv2.addWeighted(before, -gain / 2, after, -gain / 2, 0.0, dtype=cv2.CV_32F)
    return np.asarray(cv2.convertScaleAbs(np.clip(around + gain * now + 128.0, 0, 255)), dtype=np.uint8)


def to_input(samples: NDArray[np.uint8], tensor: Tensor, preprocessing: Preprocessing) -> NDArray[np.generic]:
    """Turn samples ``(N, H, W, C) uint8`` into what ``tensor`` takes: normalised float32, or its quantized form.

    Each of the 256 values is computed once and looked up.
    """
    real = (np.arange(256, dtype=np.float32) - preprocessing.mean) / preprocessing.scale
    return quantize(real, tensor)[samples]


def quantize(real: NDArray[np.float32], tensor: Tensor) -> NDArray[np.generic]:
    """Store real values as ``tensor`` holds them; values out of its range saturate."""
    if tensor.dtype == "float32":
        return real.astype(np.float32, copy=False)
    if tensor.quantization is None:
        return real.astype(tensor.dtype)
    limits = np.iinfo(tensor.dtype)
    stored = np.rint(real / tensor.quantization.scale) + tensor.quantization.zero_point
    return np.clip(stored, limits.min, limits.max).astype(tensor.dtype)


def dequantize(stored: NDArray[np.generic], tensor: Tensor) -> NDArray[np.float32]:
    """Real values of what ``tensor`` holds, float32."""
    if tensor.quantization is None:
        return stored.astype(np.float32, copy=False)
    return (stored.astype(np.float32) - tensor.quantization.zero_point) * np.float32(tensor.quantization.scale)

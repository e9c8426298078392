"""From frames to an encoder's input: the one implementation that builder and agent share.

A sample carries motion: its channels are a grey picture and the amplified absolute differences to its neighbours in
time, since appearance alone hardly tells a fight from a crowd.
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
    """Make one sample ``(H, W, C) uint8`` from three shrunk pictures ``(H, W) uint8``, one frame gap apart."""
    gain = preprocessing.difference_gain
    pairs = {"diff_back": (now, before), "diff_forward": (after, now)}
    planes = [now if channel == "grey" else _amplify(*pairs[channel], gain) for channel in preprocessing.channels]
    return np.stack(planes, axis=-1)


def to_input(samples: NDArray[np.uint8], tensor: Tensor, preprocessing: Preprocessing) -> NDArray[np.generic]:
    """Turn samples ``(N, H, W, C) uint8`` into what ``tensor`` takes: normalised float32, or its quantized form.

    Each of the 256 values is computed once and looked up.
    """
    real = (np.arange(256, dtype=np.float32) - preprocessing.mean) / preprocessing.scale
    table = quantize(real, tensor)
    return np.asarray(table[samples], dtype=table.dtype)


def quantize(real: NDArray[np.float32], tensor: Tensor) -> NDArray[np.generic]:
    """Store real values as ``tensor`` holds them; values out of its range saturate."""
    if tensor.dtype == "float32":
        return real.astype(np.float32, copy=False)
    if tensor.quantization is None:
        return real.astype(tensor.dtype)
    limits = np.iinfo(tensor.dtype)
    stored = np.rint(real / tensor.quantization.scale) + tensor.quantization.zero_point
    return np.asarray(np.clip(stored, limits.min, limits.max), dtype=tensor.dtype)


def dequantize(stored: NDArray[np.generic], tensor: Tensor) -> NDArray[np.float32]:
    """Real values of what ``tensor`` holds, float32."""
    if tensor.quantization is None:
        return stored.astype(np.float32, copy=False)
    return (stored.astype(np.float32) - tensor.quantization.zero_point) * np.float32(tensor.quantization.scale)


def _amplify(one: Luma, other: Luma, gain: float) -> Luma:
    return np.asarray(cv2.convertScaleAbs(cv2.absdiff(one, other), alpha=gain), dtype=np.uint8)

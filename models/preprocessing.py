"""From frames to an encoder's input: the one implementation that builder and agent share.

A sample carries motion, since appearance alone hardly tells a fight from a crowd: amplified signed differences in
time around mid-grey, above all the second one (``acceleration``).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models.close_up import grid_size, window_of_motion
from models.manifest import Channel, CloseUp, Preprocessing, Tensor

Luma = NDArray[np.uint8]
Pictures = tuple[Luma, Luma, Luma]


def shrink(luma: Luma, preprocessing: Preprocessing) -> Luma:
    """Resize a picture of any size to the canvas ``(H, W)``; ``(h, w) uint8`` in, ``(H, W) uint8`` out."""
    return _resize(luma, preprocessing.canvas)


def make_sample(before: Luma, now: Luma, after: Luma, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Make one sample ``(P * H, W, C) uint8`` from three shrunk pictures ``(h, w) uint8``, one frame gap apart.

    Differences are signed and stand around 128, where saturated arithmetic clips them. With a close-up, the canvas as a
    whole is the upper pane and its window that moves most the lower one: at a camera's usual distance a fight fills
    little of the picture, and what moves there is lost when all of it is shrunk.
    """
    pictures = (before, now, after)
    close_up = preprocessing.close_up
    if close_up is None:
        return _pane(pictures, preprocessing)
    rows, columns = window_of_motion(_motion(pictures, close_up, preprocessing), close_up)
    whole = _resize_all(pictures, preprocessing.size)
    closer = _resize_all((before[rows, columns], now[rows, columns], after[rows, columns]), preprocessing.size)
    return np.concatenate([_pane(whole, preprocessing), _pane(closer, preprocessing)])


def _motion(pictures: Pictures, close_up: CloseUp, preprocessing: Preprocessing) -> Luma:
    """How strongly each cell of the close-up's grid accelerates, ``(h, w) uint8``."""
    accelerated = _plane("acceleration", _resize_all(pictures, grid_size(close_up)), preprocessing)
    return np.asarray(cv2.absdiff(accelerated, np.full_like(accelerated, 128)), dtype=np.uint8)


def _resize_all(pictures: Pictures, size: tuple[int, int]) -> Pictures:
    before, now, after = pictures
    return _resize(before, size), _resize(now, size), _resize(after, size)


def _resize(picture: Luma, size: tuple[int, int]) -> Luma:
    return np.asarray(cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _pane(pictures: Pictures, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    return np.stack([_plane(channel, pictures, preprocessing) for channel in preprocessing.channels], axis=-1)


def _plane(channel: Channel, pictures: Pictures, preprocessing: Preprocessing) -> Luma:
    before, now, after = pictures
    gain = preprocessing.difference_gain
    if channel == "grey":
        return now
    if channel == "diff_back":
        return _around_grey(now, before, gain)
    if channel == "diff_forward":
        return _around_grey(after, now, gain)
    # What stands still or moves evenly cancels; what jerks, as limbs in a fight do, stays.
    return _around_grey(now, cv2.addWeighted(before, 0.5, after, 0.5, 0.0, dtype=cv2.CV_32F), gain)


def _around_grey(one: Luma, other: NDArray[np.number], gain: float) -> Luma:
    difference = gain * (one.astype(np.float32) - other.astype(np.float32)) + 128
    stored: Luma = np.clip(np.rint(difference), 0, 255).astype(np.uint8)
    return stored


def normalise(samples: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """The real network input float32 of samples uint8, of any shape: ``(x - mean) / scale``.

    Each of the 256 values is computed once and looked up.
    """
    return _real_values(preprocessing)[samples]


def to_input(samples: NDArray[np.uint8], tensor: Tensor, preprocessing: Preprocessing) -> NDArray[np.generic]:
    """Turn samples ``(N, H, W, C) uint8`` into what ``tensor`` takes: normalised float32, or its quantized form.

    Each of the 256 values is computed once and looked up.
    """
    table = quantize(_real_values(preprocessing), tensor)
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


def _real_values(preprocessing: Preprocessing) -> NDArray[np.float32]:
    return np.asarray((np.arange(256, dtype=np.float32) - preprocessing.mean) / preprocessing.scale, dtype=np.float32)

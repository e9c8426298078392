"""Samples and windows cut from a decoded clip, at the same instants as the agent cuts them from a camera."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from builder.data.decode import DecodedClip
from models.manifest import Geometry, Preprocessing
from models.preprocessing import make_sample
from models.window import pick_padded_window

TIE_S = 1e-6
"""At 25 frames/s the instants fall exactly between frames: like the agent, take the earlier, whatever rounding says."""


def sample_times(duration_s: float, geometry: Geometry) -> NDArray[np.float64]:
    """Instants ``(K,)`` of a clip's samples, ``K >= 1``: the first has its frames before it, the rest follow at the
    window's rate."""
    first = min(2 * geometry.frame_gap_s, duration_s)
    count = int((duration_s - first) * geometry.rate_hz + 1e-6) + 1
    return first + np.arange(count) / geometry.rate_hz


def nearest_frames(times_s: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.intp]:
    """Index of the frame nearest to each wanted instant; ``wanted`` of any shape."""
    right = np.searchsorted(times_s, wanted).clip(1, len(times_s) - 1)
    left = right - 1
    return np.where(wanted - times_s[left] <= times_s[right] - wanted + TIE_S, left, right)


def cut_samples(
    clip: DecodedClip, instants: NDArray[np.float64], geometry: Geometry, preprocessing: Preprocessing
) -> NDArray[np.uint8]:
    """Samples ``(K, H, W, C) uint8`` at ``instants (K,)`` seconds."""
    gaps = np.array([2, 1, 0]) * geometry.frame_gap_s
    triples = nearest_frames(clip.times_s, instants[:, None] - gaps)
    frames = clip.frames
    return np.stack([make_sample(frames[a], frames[b], frames[c], preprocessing) for a, b, c in triples])


def clip_samples(clip: DecodedClip, geometry: Geometry, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """All samples ``(K, H, W, C) uint8`` of a clip, in time."""
    return cut_samples(clip, sample_times(float(clip.times_s[-1]), geometry), geometry, preprocessing)


def clip_windows(count: int, geometry: Geometry) -> NDArray[np.intp]:
    """Indices ``(M, T)`` of the windows of a clip of ``count`` samples: every full window, or of a shorter clip the
    one that holds all of it."""
    times = np.arange(count) / geometry.rate_hz
    ends = range(min(count, geometry.samples), count + 1)
    return np.stack([pick_padded_window(times[:end], geometry) for end in ends])

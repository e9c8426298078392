"""Augmented views of a clip: the same transform on every frame, drawn from a seed."""

from __future__ import annotations

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.data.decode import DecodedClip
from builder.data.samples import nearest_frames
from builder.training.geometric import GeometricAugmentation, turn_frames
from builder.training.photometric import PhotometricAugmentation, relight_frames
from builder.training.temporal import Seen, TemporalAugmentation, see_frames
from models.manifest import Geometry, Preprocessing
from models.preprocessing import make_sample

SMALLEST_ZOOM = 0.3
WIDEST = 0.9
"""A view as slow as a standstill, or without any contrast, has nothing to tell."""


class Augmentation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far views may stray: zoom is the smallest side kept of the picture, the others are relative ranges
    (0.2: from 0.8 to 1.2) or probabilities. What is unset is not done; switching it on or off moves no other draw, so
    that views with and without it differ by nothing else (but by the grain of their noise). Grain is off: amplified as
    differences are, it is motion that no camera shows."""

    zoom: float = 0.75
    flip: float = 0.5
    speed: float = 0.1
    contrast: float = 0.3
    brightness: float = 25.0
    gain: float = 0.3
    noise: float = 0.0
    reverse: float = 0.3
    short: float = 0.15
    temporal: TemporalAugmentation | msgspec.UnsetType = msgspec.UNSET
    geometric: GeometricAugmentation | msgspec.UnsetType = msgspec.UNSET
    photometric: PhotometricAugmentation | msgspec.UnsetType = msgspec.UNSET


def strengthened(augmentation: Augmentation, factor: float) -> Augmentation:
    """``augmentation`` with its own reaches wider by ``factor``; chances and the further tables stay as they are."""
    return msgspec.structs.replace(
        augmentation,
        zoom=max(SMALLEST_ZOOM, 1 - factor * (1 - augmentation.zoom)),
        speed=min(WIDEST, factor * augmentation.speed),
        contrast=min(WIDEST, factor * augmentation.contrast),
        gain=min(WIDEST, factor * augmentation.gain),
        brightness=factor * augmentation.brightness,
        noise=factor * augmentation.noise,
    )


def draw_view(
    clip: DecodedClip,
    geometry: Geometry,
    preprocessing: Preprocessing,
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """One window of samples ``(T, H, W, C) uint8`` from a random moment of the clip, transformed at random."""
    speed = rng.uniform(1 - augmentation.speed, 1 + augmentation.speed)
    stretched = msgspec.structs.replace(
        geometry, rate_hz=geometry.rate_hz / speed, frame_gap_s=geometry.frame_gap_s * speed
    )
    gained = msgspec.structs.replace(
        preprocessing, difference_gain=preprocessing.difference_gain * _around_one(augmentation.gain, rng)
    )
    instants = _instants(float(clip.times_s[-1]), stretched, augmentation, rng)
    # Generators of their own: what they draw, and whether, moves nothing that is drawn after them.
    of_time, of_place, of_light = rng.spawn(3)
    seen = _seen(clip.times_s, augmentation, speed, of_time)
    triples = seen.frames[nearest_frames(seen.times_s, instants[:, None] - np.array([2, 1, 0]) * stretched.frame_gap_s)]
    if rng.random() < augmentation.reverse:
        triples = triples[::-1, ::-1]
    # Filled only once the order is final: the agent fills a window that is not yet full at its front, always.
    triples = triples[np.maximum(np.arange(geometry.samples) - (geometry.samples - len(triples)), 0)]
    needed, places = np.unique(triples, return_inverse=True)
    pictures = clip.frames[needed]
    if augmentation.geometric is not msgspec.UNSET:
        pictures = turn_frames(pictures, augmentation.geometric, of_place)
    if augmentation.photometric is not msgspec.UNSET:
        pictures = relight_frames(pictures, augmentation.photometric, of_light)
    frames = _transform(pictures, preprocessing.canvas, augmentation, rng)
    return np.stack([make_sample(frames[a], frames[b], frames[c], gained) for a, b, c in places.reshape(triples.shape)])


def _seen(times_s: NDArray[np.float64], augmentation: Augmentation, speed: float, rng: np.random.Generator) -> Seen:
    if augmentation.temporal is msgspec.UNSET:
        return Seen(times_s, np.arange(len(times_s)))
    return see_frames(times_s, augmentation.temporal, speed, rng)


def _instants(
    duration_s: float, geometry: Geometry, augmentation: Augmentation, rng: np.random.Generator
) -> NDArray[np.float64]:
    """The instants ``(K,)`` that a view shows, ``1 <= K <= geometry.samples``."""
    first = min(2 * geometry.frame_gap_s, duration_s)
    span = (geometry.samples - 1) / geometry.rate_hz
    start = rng.uniform(first, max(first, duration_s - span))
    instants = start + np.arange(geometry.samples) / geometry.rate_hz
    # A clip that is too short, and now and then one that is not, gives a window that is not yet full.
    known = int(np.sum(instants <= duration_s + 1e-6))
    if rng.random() < augmentation.short:
        known = min(known, int(rng.integers(1, geometry.samples)))
    return instants[:known]


def _transform(
    frames: NDArray[np.uint8], size: tuple[int, int], augmentation: Augmentation, rng: np.random.Generator
) -> NDArray[np.uint8]:
    height, width = frames.shape[1:]
    kept = rng.uniform(augmentation.zoom, 1.0, size=2)
    rows, columns = (kept * (height, width)).astype(int)
    top, left = rng.integers(0, height - rows + 1), rng.integers(0, width - columns + 1)
    contrast = _around_one(augmentation.contrast, rng)
    shift = rng.uniform(-augmentation.brightness, augmentation.brightness)
    table = np.clip((np.arange(256) - 127.5) * contrast + 127.5 + shift, 0, 255).astype(np.uint8)
    flip = rng.random() < augmentation.flip
    grain = rng.uniform(0, augmentation.noise)
    views = [
        cv2.resize(frame[top : top + rows, left : left + columns], (size[1], size[0]), interpolation=cv2.INTER_AREA)
        for frame in frames
    ]
    moved = table[np.stack(views)]
    if grain > 1:
        moved = np.clip(moved + grain * rng.standard_normal(moved.shape, np.float32), 0, 255).astype(np.uint8)
    return np.asarray(moved[:, :, ::-1] if flip else moved, dtype=np.uint8)


def _around_one(reach: float, rng: np.random.Generator) -> float:
    return float(rng.uniform(1 - reach, 1 + reach))

"""A cell of a wall on a screen, as it is grabbed, or as a camera before the screen sees it.

Moiré follows its physics, in luma: the screen's pixels are a grating, the camera samples it on its own grid, and what
lens and photosites leave of the grating's fundamental aliases. Where ``X`` and ``Y`` are the screen coordinates, in
screen pixels, that a camera pixel looks at, its light is multiplied by ``(1 + a cos 2πX)(1 + b cos 2πY)``; perspective
and sway then bend and move the pattern of themselves. ``a`` and ``b`` are ``moire`` times the grating's own modulation.
Sources: Amidror, The Theory of the Moiré Phenomenon (2009), for the product of gratings and its sampling; Liu, Shu and
Wu, Demoiréing of camera-captured screen images (arXiv 1804.03809, 2018), for the order subpixels, projection, sampling,
noise, compression. Colour moiré of the Bayer pattern is left out, since only luma is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from builder.data.degradation.recording import Camera, Recording

Luma = NDArray[np.uint8]
AROUND = 18
"""Grey level of the dark between cells and around the screen."""
STRIPES, ROWS = 0.97, 0.32
"""Modulation of white's fundamental: across, of red, green and blue stripes with luma's weights; down, of rows with a
seventh of dark between them."""
CODING = 2.2
"""Code values to this power are light: a factor of light acts on code values by its power of one over this."""
SWAY_MEMORY_S = 0.3
"""How long a hand keeps to where it is: its sway is drawn as an Ornstein-Uhlenbeck process."""


def show(frames: Iterable[Luma], recording: Recording, rng: np.random.Generator) -> Iterator[Luma]:
    """The pictures ``(H, W) uint8`` that whatever records the screen takes of the cell, before it compresses them."""
    levels = np.rint(255 * (np.arange(256) / 255) ** recording.gamma).astype(np.uint8)
    lit = (levels[frame] for frame in frames)
    if recording.camera is not None:
        return _filmed(lit, recording, recording.camera, rng)
    edge = round(recording.bezel * recording.cell_px)
    return (np.pad(frame, edge, constant_values=AROUND) for frame in lit)


def _filmed(frames: Iterable[Luma], recording: Recording, camera: Camera, rng: np.random.Generator) -> Iterator[Luma]:
    (width, height), homography = _seen(recording, camera)
    keep = np.exp(-1 / (recording.recorder_rate_hz * SWAY_MEMORY_S))
    sway = camera.sway_px * rng.standard_normal(2)
    for frame in frames:
        moved = homography @ np.array([[1, 0, sway[0]], [0, 1, sway[1]], [0, 0, 1]])
        view = cv2.warpPerspective(
            frame, moved, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderValue=AROUND
        )
        light = view * moire_field(moved, (height, width), camera.moire)
        light += camera.noise * rng.standard_normal(light.shape, np.float32)
        yield np.clip(np.rint(light), 0, 255).astype(np.uint8)
        sway = keep * sway + camera.sway_px * np.sqrt(1 - keep**2) * rng.standard_normal(2)


def _seen(recording: Recording, camera: Camera) -> tuple[tuple[int, int], NDArray[np.float64]]:
    """Width and height of the camera's picture, and what maps its pixels to the screen's."""
    rows, columns = recording.cell
    edge = recording.bezel * columns
    corners = np.array([[-edge, -edge], [columns + edge, -edge], [columns + edge, rows + edge], [-edge, rows + edge]])
    size = [max(16, round((length + 2 * edge) / camera.pitch)) for length in (columns, rows)]
    width, height = size
    pixels = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    screen = (corners + columns * np.array(camera.corners)).astype(np.float32)
    return (width, height), np.asarray(cv2.getPerspectiveTransform(pixels, screen), np.float64)


def moire_field(homography: NDArray[np.float64], size: tuple[int, int], moire: float) -> NDArray[np.float32]:
    """Factors ``(H, W) float32`` of code values; ``homography (3, 3)`` maps camera pixels to screen pixels."""
    rows, columns = size
    across = np.arange(columns, dtype=np.float32)[None, :]
    down = np.arange(rows, dtype=np.float32)[:, None]
    x, y, scale = (row[0] * across + row[1] * down + row[2] for row in homography.astype(np.float32))
    light = 1 + moire * STRIPES * np.cos(2 * np.pi * (x / scale))
    light *= 1 + moire * ROWS * np.cos(2 * np.pi * (y / scale))
    return np.asarray(np.maximum(light, 0) ** (1 / CODING), np.float32)

"""What sensors and recorders do to light: another gamma, and the blocks of a lossy codec, alike on all frames."""

from __future__ import annotations

from typing import Annotated

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.errors import BuilderError

BEST_QUALITY = 90
Quality = Annotated[int, msgspec.Meta(ge=1, le=BEST_QUALITY)]


class PhotometricAugmentation(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """``gamma``: reach around one of the exponent that light is raised to. ``compression``: chance of a view that was
    coded as JPEG, at one drawn quality from ``lowest_quality`` to 90; 0 leaves either as it is.

    Source: Hendrycks & Dietterich, Benchmarking neural network robustness to common corruptions (ICLR 2019).
    """

    gamma: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    compression: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    lowest_quality: Quality = 20


def relight_frames(
    frames: NDArray[np.uint8], photometric: PhotometricAugmentation, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """``frames (F, H, W) uint8`` under one drawn gamma, and coded at one drawn quality."""
    # Each technique draws for itself, so that switching one on leaves the other's draws as they were.
    of_light, of_codec = rng.spawn(2)
    if photometric.gamma:
        exponent = of_light.uniform(1 - photometric.gamma, 1 + photometric.gamma)
        frames = np.rint(255 * (np.arange(256) / 255) ** exponent).astype(np.uint8)[frames]
    if photometric.compression and of_codec.random() < photometric.compression:
        quality = int(of_codec.integers(photometric.lowest_quality, BEST_QUALITY + 1))
        frames = np.stack([code_frame(frame, quality) for frame in frames])
    return frames


def code_frame(frame: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """A picture ``(H, W) uint8`` coded as JPEG at ``quality`` (1 to 100) and decoded again.

    Intra blocks are what H.264 and MJPEG recorders have in common; the same picture always gives the same blocks, so
    what stands still stays still. Raises ``BuilderError`` when OpenCV has no JPEG codec.
    """
    coded, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not coded:
        raise BuilderError("OpenCV cannot code JPEG here; install opencv-python-headless, or leave compression out")
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)

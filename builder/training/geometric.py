"""What a camera's mounting does to pictures: the same turn for all frames of a view."""

from __future__ import annotations

from typing import Annotated

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray


class GeometricAugmentation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """``rotation``: the largest turn about the middle to either side, in degrees; 0 leaves pictures as they are."""

    rotation: Annotated[float, msgspec.Meta(ge=0, le=45)] = 0.0


def turn_frames(
    frames: NDArray[np.uint8], geometric: GeometricAugmentation, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """``frames (F, H, W) uint8`` all turned by one drawn angle; corners are filled by reflection."""
    if not geometric.rotation:
        return frames
    height, width = frames.shape[1:]
    angle = float(rng.uniform(-geometric.rotation, geometric.rotation))
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
    turned = [cv2.warpAffine(frame, turn, (width, height), borderMode=cv2.BORDER_REFLECT_101) for frame in frames]
    return np.stack(turned).astype(np.uint8, copy=False)

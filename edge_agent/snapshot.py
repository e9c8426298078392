"""A picture of an incident: the judged frame in colour, as a JPEG of bounded size."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.frame import Image
from edge_agent.policy import PolicyError

_SMALLEST_SIDE = 16
_LOWEST_QUALITY = 40


@dataclass(frozen=True, slots=True)
class SnapshotPolicy:
    """No side of a snapshot exceeds ``largest_side`` pixels, nor its JPEG ``largest_bytes``; ``score`` draws the
    probability into it."""

    largest_side: int = 1280
    largest_bytes: int = 200_000
    quality: int = 80
    score: bool = False

    def __post_init__(self) -> None:
        if self.largest_side < _SMALLEST_SIDE or not 1 <= self.quality <= 100 or self.largest_bytes < 4096:  # noqa: PLR2004 - the limits stand in the message
            raise PolicyError(
                f"snapshot: found largest_side = {self.largest_side}, quality = {self.quality}, largest_bytes = "
                f"{self.largest_bytes}; allowed are at least {_SMALLEST_SIDE} pixels, 1 to 100 and at least 4096 bytes"
            )


def encode_snapshot(image: Image, probability: float, policy: SnapshotPolicy) -> bytes:
    """The picture as JPEG. Quality gives way first, then size, until it fits ``largest_bytes``; the smallest picture
    is sent as it is. Raises ``cv2.error`` for a picture that cannot be converted."""
    side, quality = policy.largest_side, policy.quality
    while True:
        picture = image.colour(side)
        if policy.score:
            _draw(picture, f"{probability:.0%}")
        jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(jpeg) <= policy.largest_bytes or side < 2 * _SMALLEST_SIDE:
            return jpeg
        if quality > _LOWEST_QUALITY:
            quality = max(_LOWEST_QUALITY, quality - 20)
        else:
            side = max(picture.shape[:2]) * 3 // 4


def _draw(picture: NDArray[np.uint8], text: str) -> None:
    scale = picture.shape[0] / 360
    at = (round(8 * scale), round(24 * scale))
    for colour, thickness in (((0, 0, 0), 4), ((255, 255, 255), 1)):
        cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.7 * scale, colour, round(thickness * scale) or 1)

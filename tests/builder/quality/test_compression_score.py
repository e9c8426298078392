from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from builder.quality.compression_score import compression_score


@pytest.fixture(scope="module")
def picture() -> NDArray[np.uint8]:
    """Structure of several sizes, as pictures of places have, and a little noise."""
    rng = np.random.default_rng(4)
    layers = [
        cv2.resize(rng.normal(0, 40, (size, size)).astype(np.float32), (256, 256), interpolation=cv2.INTER_CUBIC)
        for size in (4, 16, 64)
    ]
    return np.clip(128 + sum(layers) + rng.normal(0, 3, (256, 256)), 0, 255).astype(np.uint8)


def as_jpeg(picture: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    stored = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(stored, cv2.IMREAD_GRAYSCALE), np.uint8)


def test_the_score_falls_with_the_quality_of_a_jpeg(picture: NDArray[np.uint8]) -> None:
    scores = [compression_score(as_jpeg(picture, quality)) for quality in (95, 50, 25, 10, 3)]
    assert None not in scores
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 7
    assert scores[-1] < 4


def test_rows_and_columns_count_alike(picture: NDArray[np.uint8]) -> None:
    coded = as_jpeg(picture, 20)
    assert compression_score(coded) == pytest.approx(compression_score(np.ascontiguousarray(coded.T)))


@pytest.mark.parametrize(
    "picture", [np.full((64, 64), 90, np.uint8), np.zeros((15, 400), np.uint8), np.zeros((1, 1), np.uint8)]
)
def test_nothing_is_said_when_a_picture_is_flat_or_tiny(picture: NDArray[np.uint8]) -> None:
    assert compression_score(picture) is None

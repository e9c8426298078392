from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from builder.data.degradation import compression
from builder.data.degradation.compression import compress
from builder.errors import DataError


def make_film(frames: int = 12, height: int = 45, width: int = 81) -> NDArray[np.uint8]:
    """A soft picture that moves to the right by two pixels a frame."""
    picture = np.random.default_rng(0).integers(0, 256, (9, 16), np.uint8)
    large = cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.stack([np.roll(large, 2 * frame, 1) for frame in range(frames)])


def error(film: NDArray[np.uint8], crf: float) -> float:
    decoded = np.stack(list(compress(film, 25.0, crf)))
    assert (decoded.shape, decoded.dtype) == (film.shape, np.uint8)
    return float(np.abs(decoded.astype(int) - film).mean())


def test_every_frame_comes_back_in_its_place_and_worse_the_less_is_spent() -> None:
    film = make_film()
    errors = [error(film, crf) for crf in (10, 30, 45)]
    assert errors[0] < 2
    assert errors[0] < errors[1] < errors[2]
    decoded = np.stack(list(compress(film, 25.0, 20)))
    nearest = [int(np.abs(film.astype(int) - frame).mean(axis=(1, 2)).argmin()) for frame in decoded]
    assert nearest == list(range(len(film)))


def test_the_same_film_is_compressed_to_the_same() -> None:
    film = make_film()
    for one, other in zip(compress(film, 12.5, 33.3), compress(film, 12.5, 33.3), strict=True):
        np.testing.assert_array_equal(one, other)


def test_levels_stay_what_they_are_from_black_to_white() -> None:
    film = np.repeat(np.array([0, 8, 128, 247, 255], np.uint8), 36 * 64).reshape(5, 36, 64)
    np.testing.assert_allclose([frame.mean() for frame in compress(film, 25.0, 10)], [0, 8, 128, 247, 255], atol=1)


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_short_films_come_back_whole(frames: int) -> None:
    assert len(list(compress(make_film(frames + 1)[:frames], 8.0, 30))) == frames


def test_loss_is_of_time_too() -> None:
    still = np.repeat(make_film(1), 60, axis=0)
    noisy = np.clip(still + np.random.default_rng(1).normal(0, 3, still.shape), 0, 255).astype(np.uint8)
    decoded = np.stack(list(compress(noisy, 25.0, 32)))
    # What flickers too little to be worth its bits is left as it was in the frame before.
    repeated = np.mean(decoded[2:40] == decoded[1:39])
    assert repeated > 0.5 > np.mean(noisy[2:40] == noisy[1:39])


def test_one_clear_error_when_ffmpeg_has_no_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "ENCODER", "libabsent")
    with pytest.raises(DataError, match=r"no libabsent.*install PyAV's own wheel"):
        list(compress(make_film(2), 25.0, 30))

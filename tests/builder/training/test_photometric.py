from __future__ import annotations

import numpy as np
import pytest

from builder.training.photometric import PhotometricAugmentation, code_frame, relight_frames

LEVELS = np.broadcast_to(np.arange(256, dtype=np.uint8), (3, 4, 256))


def noise(count: int = 4) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 32, 32), np.uint8)


def test_gamma_bends_light_between_black_and_white_alike_on_all_frames() -> None:
    exponents = []
    for seed in range(40):
        found = relight_frames(LEVELS, PhotometricAugmentation(gamma=0.4), np.random.default_rng(seed))
        assert (found == found[:1, :1]).all()
        curve = found[0, 0].astype(float)
        assert (curve[0], curve[255]) == (0, 255)
        assert (np.diff(curve) >= 0).all()
        exponents.append(np.log(curve[128] / 255) / np.log(128 / 255))
    assert 0.58 < min(exponents) < 0.75
    assert 1.25 < max(exponents) < 1.42


@pytest.mark.parametrize("seed", range(4))
def test_all_frames_are_coded_at_the_same_drawn_quality(seed: int) -> None:
    frames = noise()
    photometric = PhotometricAugmentation(compression=1.0, lowest_quality=10)
    found = relight_frames(frames, photometric, np.random.default_rng(seed))
    matching = [
        quality
        for quality in range(10, 91)
        if all(np.array_equal(code_frame(frame, quality), coded) for frame, coded in zip(frames, found, strict=True))
    ]
    assert matching


def test_the_coarser_the_codec_the_further_from_the_picture() -> None:
    frame = noise(1)[0]
    errors = [np.abs(code_frame(frame, quality).astype(int) - frame).mean() for quality in (90, 50, 10)]
    assert 0 < errors[0] < errors[1] < errors[2]


def test_views_are_coded_as_often_as_asked() -> None:
    frames = noise(1)
    photometric = PhotometricAugmentation(compression=0.3)
    coded = [relight_frames(frames, photometric, np.random.default_rng(seed)) is not frames for seed in range(200)]
    assert np.mean(coded) == pytest.approx(0.3, abs=0.1)


def test_coding_leaves_the_drawn_gamma_as_it_is() -> None:
    flat = np.full((2, 16, 16), 100, np.uint8)
    bent, both = (
        relight_frames(flat, PhotometricAugmentation(gamma=0.4, compression=chance), np.random.default_rng(5))
        for chance in (0.0, 1.0)
    )
    np.testing.assert_allclose(both.astype(int), bent.astype(int), atol=2)


def test_frames_stay_as_they_are_when_nothing_is_asked() -> None:
    frames = noise()
    assert relight_frames(frames, PhotometricAugmentation(), np.random.default_rng(0)) is frames

from __future__ import annotations

import numpy as np
import pytest

from builder.training.geometric import GeometricAugmentation, turn_frames


def bar(height: int = 41, width: int = 41) -> np.ndarray:
    """A bright bar, level through the middle."""
    frame = np.zeros((height, width), np.uint8)
    frame[height // 2 - 1 : height // 2 + 2] = 255
    return frame


def slope(frame: np.ndarray) -> float:
    """Degrees that the bar rises by."""
    rows, columns = np.nonzero(frame[:, 8:-8] > 128)
    return float(np.degrees(np.arctan(np.polyfit(columns, rows, 1)[0])))


def test_all_frames_are_turned_by_the_same_angle_up_to_what_is_asked() -> None:
    angles = []
    for seed in range(40):
        turned = turn_frames(np.stack([bar()] * 5), GeometricAugmentation(rotation=10), np.random.default_rng(seed))
        assert (turned == turned[0]).all()
        assert (turned.shape, turned.dtype) == ((5, 41, 41), np.uint8)
        angles.append(slope(turned[0]))
    assert -11 < min(angles) < -7
    assert 7 < max(angles) < 11


def test_the_middle_stays_where_it_is_and_corners_are_not_black() -> None:
    frame = np.full((21, 31), 200, np.uint8)
    frame[10, 15] = 0
    turned = turn_frames(frame[None], GeometricAugmentation(rotation=45), np.random.default_rng(1))[0]
    assert np.unravel_index(turned.argmin(), turned.shape) == (10, 15)
    assert min(turned[0, 0], turned[0, -1], turned[-1, 0], turned[-1, -1]) == 200


@pytest.mark.parametrize("seed", range(3))
def test_frames_stay_as_they_are_when_no_turn_is_asked(seed: int) -> None:
    frames = np.stack([bar(), bar()])
    assert turn_frames(frames, GeometricAugmentation(), np.random.default_rng(seed)) is frames

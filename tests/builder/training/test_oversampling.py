from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from builder.training.oversampling import drawn_again


@pytest.mark.parametrize(
    ("calm", "fight", "ratio", "added"),
    [
        (10, 4, 1.0, 6),
        (4, 10, 1.0, 6),
        (10, 4, 0.5, 1),
        (10, 4, 0.4, 0),
        (10, 4, 0.2, 0),
        (10, 10, 1.0, 0),
        (50, 3, 1.0, 47),
        (5, 0, 1.0, 0),
    ],
)
def test_clips_of_the_rarer_class_are_added_up_to_the_ratio(calm: int, fight: int, ratio: float, added: int) -> None:
    labels = np.eye(2, dtype=np.float32)[[0] * calm + [1] * fight]
    again = drawn_again(labels, ratio, np.random.default_rng(0))
    assert len(again) == added
    assert {int(labels[row].argmax()) for row in again} <= {int(fight < calm)}
    counts = Counter(again)
    assert not counts or max(counts.values()) - min(counts.get(row, 0) for row in counts) <= 1
    assert len(counts) == min(added, fight, calm)


def test_what_is_drawn_again_is_the_same_from_the_same_seed_and_another_from_another() -> None:
    labels = np.eye(2, dtype=np.float32)[[0] * 40 + [1] * 20]
    one, same, other = (drawn_again(labels, 0.7, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one == same != other

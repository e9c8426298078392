from __future__ import annotations

import numpy as np

from edge_agent.clips.head_trail import HeadTrail
from edge_agent.privacy.head_finder import Zones


def zone(number: int) -> Zones:
    return np.full((1, 4), number, np.float32)


def test_a_picture_hides_what_was_found_half_a_second_before_and_after_it() -> None:
    trail = HeadTrail()
    for number in range(16):
        trail.add(number / 10, zone(number))
    assert trail.around(0.5)[:, 0].tolist() == list(range(11))
    assert trail.around(1.0)[:, 0].tolist() == list(range(5, 16))
    assert trail.around(9.0).shape == (0, 4)


def test_looks_are_due_by_time_and_not_by_pictures() -> None:
    trail, looked = HeadTrail(), []
    for index in range(30):
        time_s = index / 30
        if trail.due(time_s):
            looked.append(index)
            trail.add(time_s, zone(index))
        trail.around(time_s - 0.5)
    assert looked == [0, 5, 10, 15, 20, 25]

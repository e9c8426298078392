from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes import body
from scenes.body import CHANNELS, FLESH, STATURE, joints, pose

BONES = (
    (body.LEFT_SHOULDER, body.LEFT_ELBOW, body.UPPER_ARM),
    (body.RIGHT_ELBOW, body.RIGHT_HAND, body.FOREARM),
    (body.LEFT_HIP, body.LEFT_KNEE, body.THIGH),
    (body.RIGHT_KNEE, body.RIGHT_ANKLE, body.SHANK),
    (body.PELVIS, body.NECK, body.TORSO),
    (body.LEFT_ANKLE, body.LEFT_TOE, body.FOOT),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-3, 3), min_size=len(CHANNELS), max_size=len(CHANNELS)),
    st.floats(-7, 7),
    st.floats(1.4, 2.0),
)
def test_bones_keep_their_length_and_the_lowest_rests_when_any_pose_is_taken(
    angles: list[float], heading: float, stature: float
) -> None:
    shape = np.array(angles)
    shape[CHANNELS["jump"]] = 0.0
    made = joints(shape[None], np.array([[2.0, 5.0]]), np.array([heading]), np.array([stature]))[0]
    for begin, end, length in BONES:
        assert np.linalg.norm(made[end] - made[begin]) == pytest.approx(length * stature / STATURE, abs=1e-9)
    scaled = (FLESH - FLESH * stature / STATURE).max()
    assert (made[:, 2] - FLESH).min() == pytest.approx(0.0, abs=abs(scaled) + 0.06)
    assert made[body.PELVIS, :2] == pytest.approx([2.0, 5.0])


@pytest.mark.parametrize(("heading", "expected"), [(0.0, (0.0, 1.0)), (np.pi / 2, (-1.0, 0.0)), (np.pi, (0.0, -1.0))])
def test_an_arm_points_along_the_heading_when_it_is_stretched_forward(
    heading: float, expected: tuple[float, float]
) -> None:
    shape = pose(left_arm=np.pi / 2, left_elbow=0.0, left_out=0.0)
    made = joints(shape[None], np.zeros((1, 2)), np.array([heading]), np.array([STATURE]))[0]
    way = made[body.LEFT_HAND] - made[body.LEFT_SHOULDER]
    assert way[:2] / np.linalg.norm(way) == pytest.approx(expected, abs=1e-6)


def test_pose_is_refused_when_it_names_an_unknown_channel() -> None:
    with pytest.raises(KeyError, match="tail"):
        pose(tail=1.0)

"""A body: its pose as a row of angles, and the joints in the world that follow from it (forward kinematics)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Channel = Literal[
    "jump", "lean", "side", "twist", "nod",
    "left_arm", "left_out", "left_elbow", "right_arm", "right_out", "right_elbow",
    "left_leg", "left_open", "left_knee", "right_leg", "right_open", "right_knee",
    "topple", "roll", "swing",
]  # fmt: skip
CHANNELS: dict[Channel, int] = {
    "jump": 0, "lean": 1, "side": 2, "twist": 3, "nod": 4,
    "left_arm": 5, "left_out": 6, "left_elbow": 7, "right_arm": 8, "right_out": 9, "right_elbow": 10,
    "left_leg": 11, "left_open": 12, "left_knee": 13, "right_leg": 14, "right_open": 15, "right_knee": 16,
    "topple": 17, "roll": 18, "swing": 19,
}  # fmt: skip
REST: dict[Channel, float] = {
    "left_out": 0.12, "right_out": 0.12, "left_elbow": 0.18, "right_elbow": 0.18,
    "left_open": 0.06, "right_open": 0.06, "left_knee": 0.05, "right_knee": 0.05,
}  # fmt: skip

PELVIS, NECK, HEAD, CROWN = 0, 1, 2, 3
LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_ELBOW, RIGHT_ELBOW, LEFT_HAND, RIGHT_HAND = 4, 5, 6, 7, 8, 9
LEFT_HIP, RIGHT_HIP, LEFT_KNEE, RIGHT_KNEE, LEFT_ANKLE, RIGHT_ANKLE, LEFT_TOE, RIGHT_TOE = (
    10,
    11,
    12,
    13,
    14,
    15,
    16,
    17,
)
JOINTS = 18
# Segment lengths in metres of a person 1.75 m tall, after the usual anthropometric fractions of stature.
TORSO, NECK_TO_HEAD, SKULL = 0.52, 0.17, 0.09
SHOULDER, HIP = 0.185, 0.095
UPPER_ARM, FOREARM = 0.30, 0.27
THIGH, SHANK, FOOT = 0.43, 0.43, 0.17
STATURE = 1.75
# How far flesh reaches around each joint: what rests on the ground is skin, not the joint.
FLESH = np.array(
    [0.12, 0.09, 0.10, 0.09, 0.08, 0.08, 0.05, 0.05, 0.05, 0.05, 0.1, 0.1, 0.07, 0.07, 0.06, 0.06, 0.03, 0.03]
)


@dataclass(frozen=True, slots=True)
class Stance:
    """Where a body is: ``root`` (2,) metres on the ground, ``heading`` in radians (0 is away from the camera)."""

    root: Floats
    heading: float
    pose: Floats


def pose(base: Floats | None = None, **angles: float) -> Floats:
    """A pose (20,) in radians (``jump`` in metres): the channels named, the rest from ``base`` or standing at rest."""
    made = np.zeros(len(CHANNELS)) if base is None else base.copy()
    if base is None:
        for name, value in REST.items():
            made[CHANNELS[name]] = value
    for channel, index in CHANNELS.items():
        if channel in angles:
            made[index] = angles.pop(channel)
    if angles:
        raise KeyError(f"no such pose channels: {sorted(angles)}")
    return made


def joints(poses: Floats, roots: Floats, headings: Floats, statures: Floats) -> Floats:
    """Joints (P, 18, 3) in metres from poses (P, 20), roots (P, 2), headings (P,) and statures (P,) in metres.

    The lowest joint rests on the ground, ``jump`` lifts it.
    """
    body = _figure(poses)
    _rotate(body, 1, 2, -poses[:, CHANNELS["topple"]])
    _rotate(body, 0, 2, -poses[:, CHANNELS["roll"]])
    _rotate(body, 0, 1, headings)
    body *= (statures / STATURE)[:, None, None]
    lowest = (body[:, :, 2] - FLESH).min(axis=1)
    body[:, :, 2] += (poses[:, CHANNELS["jump"]] - lowest)[:, None]
    body[:, :, :2] += roots[:, None, :]
    return body


def _figure(poses: Floats) -> Floats:
    """Joints around the pelvis, facing +y."""
    count = len(poses)
    body = np.zeros((count, JOINTS, 3))
    lean, side, twist, nod = (poses[:, CHANNELS[name]] for name in ("lean", "side", "twist", "nod"))
    spine = _direction(lean + np.pi, side, 1.0, np.zeros(count)) * np.array([1.0, -1.0, 1.0])
    skull = _direction(lean + nod + np.pi, side * 1.2, 1.0, np.zeros(count)) * np.array([1.0, -1.0, 1.0])
    across = np.stack([np.cos(twist), np.sin(twist), -np.sin(side)], axis=1)
    body[:, NECK] = spine * TORSO
    body[:, HEAD] = body[:, NECK] + skull * NECK_TO_HEAD
    body[:, CROWN] = body[:, HEAD] + skull * SKULL
    for hand, sign in (("left", -1.0), ("right", 1.0)):
        first = 0 if hand == "left" else 1
        shoulder = body[:, NECK] - spine * 0.07 + across * (sign * SHOULDER)
        arm, out, elbow = (poses[:, CHANNELS[name]] for name in _ARM[hand])
        body[:, LEFT_SHOULDER + first] = shoulder
        body[:, LEFT_ELBOW + first] = shoulder + _direction(arm, out, sign, twist) * UPPER_ARM
        body[:, LEFT_HAND + first] = (
            body[:, LEFT_ELBOW + first] + _direction(arm + elbow, out - 0.3 * elbow, sign, twist) * FOREARM
        )
        leg, spread, knee = (poses[:, CHANNELS[name]] for name in _LEG[hand])
        still = np.zeros(count)
        body[:, LEFT_HIP + first, 0] = sign * HIP
        body[:, LEFT_KNEE + first] = body[:, LEFT_HIP + first] + _direction(leg, spread, sign, still) * THIGH
        shin = _direction(leg - knee, spread, sign, still)
        body[:, LEFT_ANKLE + first] = body[:, LEFT_KNEE + first] + shin * SHANK
        toe = _direction(leg - knee + 1.4, spread, sign, still)
        body[:, LEFT_TOE + first] = body[:, LEFT_ANKLE + first] + toe * FOOT
    return body


_ARM: dict[str, tuple[Channel, Channel, Channel]] = {
    "left": ("left_arm", "left_out", "left_elbow"),
    "right": ("right_arm", "right_out", "right_elbow"),
}
_LEG: dict[str, tuple[Channel, Channel, Channel]] = {
    "left": ("left_leg", "left_open", "left_knee"),
    "right": ("right_leg", "right_open", "right_knee"),
}


def _direction(pitch: Floats, out: Floats, sign: float, turn: Floats) -> Floats:
    """Unit vectors (P, 3) of limbs hanging down at pitch 0, pointing forward at pi/2, swung ``out`` to their side."""
    sideways, forward, up = np.sin(out) * sign, np.sin(pitch) * np.cos(out), -np.cos(pitch) * np.cos(out)
    cos, sin = np.cos(turn), np.sin(turn)
    return np.stack([sideways * cos - forward * sin, sideways * sin + forward * cos, up], axis=1)


def _rotate(body: Floats, first: int, second: int, angles: Floats) -> None:
    """Turn (P, J, 3) in place from axis ``first`` towards axis ``second``."""
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
    one, two = body[:, :, first].copy(), body[:, :, second].copy()
    body[:, :, first] = one * cos - two * sin
    body[:, :, second] = one * sin + two * cos

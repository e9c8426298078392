"""What people do when nobody fights: each function appends one activity to the tracks of those who take part."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scenes.body import pose
from scenes.camera import Area
from scenes.track import TrackBuilder, facing

Floats = NDArray[np.float64]
STROLL_MPS = 1.25
HURRY_MPS = 3.6


def stand(track: TrackBuilder, until_s: float, rng: np.random.Generator) -> None:
    """Stand, shift weight, look about, talk with the hands."""
    track.begin("stand")
    while track.time_s < until_s - 1e-6:
        shape = pose(
            lean=rng.normal(0.03, 0.03), side=rng.normal(0, 0.03), twist=rng.normal(0, 0.12), nod=rng.normal(0.05, 0.1)
        )
        kind = rng.random()
        if kind < 0.3:
            shape = pose(shape, left_arm=0.5, left_elbow=rng.uniform(0.9, 1.7), right_arm=0.3, right_elbow=1.0)
        elif kind < 0.45:
            shape = pose(shape, right_arm=rng.uniform(0.7, 1.0), right_elbow=rng.uniform(1.6, 2.2), nod=0.3)
        turn = track.heading + rng.normal(0, 0.15)
        _reach(track, until_s, rng.uniform(0.5, 1.1), shape, heading=turn)
        _reach(track, until_s, rng.exponential(1.0), pose(track.pose, nod=rng.normal(0.05, 0.1)))


def travel(track: TrackBuilder, target: Floats, until_s: float) -> None:
    """Go straight to a point, arriving at a time: a walk, or a run when the time is short."""
    distance = float(np.hypot(*(target - track.root)))
    time_s = until_s - track.time_s
    if time_s <= 0:
        return
    speed = distance / time_s
    if distance < 0.08:
        track.begin("stand")
        track.key(time_s, pose(), root=target)
        return
    track.begin("run" if speed > 2.2 else "walk")
    shape = pose(swing=1.0, lean=0.04, left_elbow=0.25, right_elbow=0.25)
    # Turning takes its share of the way, so that nobody walks sideways for long.
    turn = min(0.35, time_s / 4)
    heading = facing(track.root, target)
    track.key(turn, shape, root=track.root + (target - track.root) * (turn / time_s), heading=heading, ease=False)
    track.key(time_s - turn, shape, root=target, heading=heading, ease=False)


def wander(track: TrackBuilder, until_s: float, area: Area, rng: np.random.Generator) -> None:
    """Walk from point to point."""
    track.begin("walk")
    while track.time_s < until_s - 1e-6:
        goal, speed = area.draw(rng), rng.uniform(0.9, 1.6)
        arrive = track.time_s + max(0.6, float(np.hypot(*(goal - track.root))) / speed)
        if arrive > until_s:
            share = (until_s - track.time_s) / (arrive - track.time_s)
            goal, arrive = track.root + (goal - track.root) * share, until_s
        travel(track, goal, arrive)


def run(track: TrackBuilder, until_s: float, area: Area, rng: np.random.Generator) -> None:
    """Run to and fro across the area, each in a lane of their own: to run into each other would look like a fight."""
    track.begin("run")
    lane = float(track.root[1])
    side = 1.0 if track.root[0] < (area.left + area.right) / 2 else -1.0
    shape = pose(swing=1.0, lean=0.16, left_elbow=0.9, right_elbow=0.9)
    while track.time_s < until_s - 1e-6:
        speed = rng.uniform(2.6, 4.4)
        edge = area.right if side > 0 else area.left
        width = area.right - area.left
        goal = np.array(
            [edge - side * width * rng.uniform(0, 0.15), min(max(lane + rng.normal(0, 0.25), area.near), area.far)]
        )
        span = max(0.3, float(np.hypot(*(goal - track.root))) / speed)
        heading = facing(track.root, goal)
        share = min(1.0, (until_s - track.time_s) / (span + 0.45))
        _reach(track, until_s, 0.45, shape, heading=heading)
        _reach(track, until_s, span * share, shape, root=track.root + (goal - track.root) * share, ease=False)
        side = -side


def dance(track: TrackBuilder, until_s: float, tempo_s: float, rng: np.random.Generator) -> None:
    """Dance on the spot: a figure of four poses, one a beat of ``tempo_s`` seconds, repeated, then another."""
    track.begin("dance")
    spot, ahead = track.root.copy(), track.heading
    while track.time_s < until_s - 1e-6:
        figure = [_dance_pose(beat, rng) for beat in range(4)]
        offsets = rng.normal(0, 0.1, (4, 2))
        turns = rng.normal(0, 0.25, 4)
        for beat in range(4 * int(rng.integers(2, 5))):
            place = spot + offsets[beat % 4]
            down = pose(figure[beat % 4], left_knee=0.55, right_knee=0.55, left_leg=0.28, right_leg=0.28)
            _reach(track, until_s, tempo_s / 2, down, root=place, heading=ahead + turns[beat % 4])
            _reach(track, until_s, tempo_s / 2, figure[beat % 4])


def _dance_pose(beat: int, rng: np.random.Generator) -> Floats:
    sway = 0.22 if beat % 2 else -0.22
    raised = rng.random() < 0.45
    arm = rng.uniform(1.4, 2.6) if raised else rng.uniform(0.2, 0.9)
    other = rng.uniform(0.2, 1.6)
    return pose(
        side=sway, twist=sway * 1.4, left_arm=arm if beat % 2 else other, right_arm=other if beat % 2 else arm,
        left_out=rng.uniform(0.2, 0.7), right_out=rng.uniform(0.2, 0.7), left_elbow=rng.uniform(0.6, 1.5),
        right_elbow=rng.uniform(0.6, 1.5), left_open=0.15, right_open=0.15,
    )  # fmt: skip


def hug(pair: Sequence[TrackBuilder], until_s: float, rng: np.random.Generator) -> None:
    """Come together slowly, hold each other and sway, let go."""
    first, second = pair
    middle = (first.root + second.root) / 2
    angle = facing(first.root, second.root)
    gap = np.array([-math.sin(angle), math.cos(angle)])
    length = until_s - first.time_s
    meet, part = min(1.2, length * 0.3), min(1.0, length * 0.2)
    for track, sign in ((first, -1.0), (second, 1.0)):
        track.begin("hug")
        start = track.root.copy()
        heading = angle if sign < 0 else angle + math.pi
        open_arms = pose(left_arm=1.0, right_arm=1.0, left_out=0.5, right_out=0.5, left_elbow=0.3, right_elbow=0.3)
        closed = pose(
            left_arm=1.05, right_arm=1.25, left_out=0.35, right_out=0.3, left_elbow=1.1, right_elbow=1.0,
            lean=0.12, side=0.1, nod=0.2,
        )  # fmt: skip
        near = middle + gap * (sign * 0.17)
        track.key(meet * 0.65, open_arms, root=middle + gap * (sign * 0.4), heading=heading)
        track.key(meet * 0.35, closed, root=near)
        while track.time_s < until_s - part - 1e-6:
            swayed = pose(closed, side=0.1 + rng.normal(0, 0.04), left_elbow=rng.uniform(0.9, 1.25))
            _reach(track, until_s - part, rng.uniform(0.35, 0.9), swayed, root=near + rng.normal(0, 0.015, 2))
        track.key(until_s - track.time_s, pose(), root=middle + (start - middle) * 0.8)


def play(pair: Sequence[TrackBuilder], until_s: float, rng: np.random.Generator) -> None:
    """Throw and catch at arm's length and more: big, regular movements without contact, with a hop of joy."""
    beat = rng.uniform(0.45, 0.65)
    wound = pose(right_arm=-0.7, right_elbow=1.4, twist=-0.4, lean=-0.1, left_leg=0.25, left_arm=0.8)
    thrown = pose(right_arm=1.7, right_elbow=0.2, twist=0.45, lean=0.25, left_leg=0.3, left_knee=0.3)
    ready = pose(left_arm=0.8, right_arm=0.8, left_elbow=0.9, right_elbow=0.9, left_knee=0.2, right_knee=0.2)
    caught = pose(left_arm=1.2, right_arm=1.2, left_elbow=1.3, right_elbow=1.3, lean=0.05)
    for turn, track in enumerate(pair):
        track.begin("play")
        ahead = facing(track.root, pair[1 - turn].root)
        home = track.root.copy()
        cycle = [wound, thrown, ready, ready, caught, ready]
        step = turn * 3
        track.key(min(0.3, until_s - track.time_s), ready, heading=ahead)
        while track.time_s < until_s - 1e-6:
            shape = cycle[step % 6]
            if step % 6 == 5 and rng.random() < 0.4:
                shape = pose(shape, jump=0.16, left_arm=2.6, right_arm=2.6)
            _reach(track, until_s, beat * (0.5 if step % 6 == 1 else 1.0), shape, root=home + rng.normal(0, 0.08, 2))
            step += 1


def fall(track: TrackBuilder, until_s: float, rng: np.random.Generator) -> None:
    """Sway, collapse, lie, and if there is time get up again."""
    track.begin("fall")
    sway = pose(left_knee=0.4, right_knee=0.5, left_leg=0.2, right_leg=0.2, side=0.2, left_arm=0.8, left_elbow=1.6)
    backwards = -1.0 if rng.random() < 0.5 else 1.0
    limp = pose(
        topple=backwards * rng.uniform(1.35, 1.5), roll=rng.normal(0, 0.15), left_arm=rng.uniform(0.3, 1.2),
        left_out=rng.uniform(0.4, 1.1), right_out=rng.uniform(0.3, 1.0), left_leg=rng.uniform(0, 0.5),
        left_knee=rng.uniform(0.1, 0.9), right_knee=rng.uniform(0, 0.4),
    )  # fmt: skip
    kneel = pose(
        left_knee=1.9, right_knee=2.0, left_leg=0.5, right_leg=0.3, lean=0.5 * backwards, topple=0.2 * backwards
    )
    _reach(track, until_s, rng.uniform(0.3, 0.8), sway, root=track.root + rng.normal(0, 0.08, 2))
    _reach(track, until_s, rng.uniform(0.3, 0.5), kneel)
    _reach(track, until_s, rng.uniform(0.25, 0.45), limp)
    while track.time_s < until_s - 3.5:
        _reach(
            track, until_s, rng.uniform(0.8, 2.5), pose(limp, left_knee=rng.uniform(0.1, 0.9), nod=rng.normal(0, 0.2))
        )
    if until_s - track.time_s > 2.5:
        track.key((until_s - track.time_s) * 0.55, kneel)
        track.key(until_s - track.time_s, pose())
    _reach(track, until_s, until_s - track.time_s, limp)


def _reach(
    track: TrackBuilder,
    until_s: float,
    after_s: float,
    shape: Floats,
    *,
    root: Floats | None = None,
    heading: float | None = None,
    ease: bool = True,
) -> None:
    """A key that never goes past the end of the activity: one cut short stops part of the way."""
    after = min(after_s, until_s - track.time_s)
    if after <= 1e-9:
        return
    share = after / after_s
    part = track.pose + (shape - track.pose) * share
    place = None if root is None else track.root + (root - track.root) * share
    track.key(after, part, root=place, heading=heading, ease=ease)

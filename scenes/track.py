"""One person's movement: key poses in time, eased between, with the legs stepping as fast as the body travels."""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scenes.body import CHANNELS, Stance, pose
from scenes.spec import Activity

Floats = NDArray[np.float64]
_LEGS = tuple(CHANNELS[name] for name in ("left_leg", "right_leg", "left_knee", "right_knee"))
_ARMS = tuple(CHANNELS[name] for name in ("left_arm", "right_arm", "left_elbow", "right_elbow"))
_TOPPLE, _ROLL, _SWING, _LEAN = (CHANNELS[name] for name in ("topple", "roll", "swing", "lean"))

SPRINT_MPS = 6.5


@dataclass(frozen=True, slots=True)
class Track:
    """K key frames: ``times_s``, ``rows`` (K, 23: x, y, heading, pose), speeds in m/s, gait phases in radians."""

    times_s: tuple[float, ...]
    rows: Floats
    eased: tuple[bool, ...]
    speeds: tuple[float, ...]
    phases: tuple[float, ...]
    changes: tuple[tuple[float, Activity], ...]

    def stance(self, time_s: float) -> Stance:
        """Where and how the body is at a time; before the first key and after the last it holds still."""
        after = min(max(bisect.bisect_right(self.times_s, time_s), 1), len(self.times_s) - 1)
        begin, end = self.times_s[after - 1], self.times_s[after]
        share = min(max((time_s - begin) / max(end - begin, 1e-9), 0.0), 1.0)
        curve = share * share * (3.0 - 2.0 * share)
        weight = curve if self.eased[after] else share
        row = self.rows[after - 1] * (1.0 - curve) + self.rows[after] * curve
        row[:2] = self.rows[after - 1, :2] * (1.0 - weight) + self.rows[after, :2] * weight
        speed = self.speeds[after - 1] * (1.0 - share) + self.speeds[after] * share
        phase = self.phases[after - 1] * (1.0 - weight) + self.phases[after] * weight
        shape = row[3:]
        _step(shape, speed, phase)
        return Stance(row[:2], float(row[2]), shape)

    def activity(self, time_s: float) -> Activity:
        at = bisect.bisect_right([start for start, _ in self.changes], time_s)
        return self.changes[max(at - 1, 0)][1]


def _step(shape: Floats, speed: float, phase: float) -> None:
    """Add the gait of a speed in m/s to a pose, in place; a body on the ground does not step."""
    upright = max(0.0, math.cos(min(abs(shape[_TOPPLE]) + abs(shape[_ROLL]), math.pi / 2)))
    stride = min(0.62, 0.36 * speed) * upright
    if stride < 0.01:
        return
    swing = math.sin(phase)
    lift = (0.55 + 0.3 * min(speed, 4.0)) * min(1.0, speed) * upright
    shape[_LEGS[0]] += stride * swing
    shape[_LEGS[1]] -= stride * swing
    shape[_LEGS[2]] += lift * max(0.0, math.cos(phase)) + 0.1 * stride
    shape[_LEGS[3]] += lift * max(0.0, -math.cos(phase)) + 0.1 * stride
    arms = shape[_SWING] * min(0.75, 0.3 * speed)
    shape[_ARMS[0]] -= arms * swing
    shape[_ARMS[1]] += arms * swing
    bend = shape[_SWING] * max(0.0, min(1.3, 0.55 * (speed - 1.2)))
    shape[_ARMS[2]] += bend
    shape[_ARMS[3]] += bend
    shape[_LEAN] += shape[_SWING] * 0.05 * speed


@dataclass(slots=True)
class TrackBuilder:
    """Appends key frames in order of time; each addition starts where the last one ended."""

    root: Floats
    heading: float
    time_s: float = 0.0
    pose: Floats = field(default_factory=pose)
    _times: list[float] = field(default_factory=list)
    _rows: list[Floats] = field(default_factory=list)
    _eased: list[bool] = field(default_factory=list)
    _changes: list[tuple[float, Activity]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._append(True)

    def begin(self, activity: Activity) -> None:
        """From now on the person is said to do this."""
        if not self._changes or self._changes[-1][1] != activity:
            # Key times are sums; without rounding a change may come one frame late.
            self._changes.append((round(self.time_s, 6), activity))

    def key(
        self,
        after_s: float,
        shape: Floats,
        *,
        root: Floats | None = None,
        heading: float | None = None,
        ease: bool = True,
    ) -> None:
        """Reach a pose (and a root and heading, else the present ones) ``after_s`` seconds after the last key.

        A root farther than anyone can sprint in that time is approached, not reached.
        """
        if after_s <= 0:
            return
        self.time_s += after_s
        self.pose = shape
        if root is not None:
            way = root - self.root
            self.root = self.root + way * min(1.0, SPRINT_MPS * after_s / max(float(np.hypot(*way)), 1e-9))
        if heading is not None:
            # The short way round: a turn of more than half a circle is never meant.
            self.heading += (heading - self.heading + math.pi) % (2 * math.pi) - math.pi
        self._append(ease)

    def finish(self) -> Track:
        rows, times = np.stack(self._rows), self._times
        steps = np.hypot(*np.diff(rows[:, :2], axis=0).T)
        pace = [float(step / max(b - a, 1e-9)) for step, a, b in zip(steps, times, times[1:], strict=False)]
        speeds = [sum(pair) / 2 for pair in zip([*pace[:1], *pace], [*pace, *pace[-1:]], strict=True)]
        turns = [2 * math.pi * step / (0.55 + 0.58 * v) for step, v in zip(steps, pace, strict=True)]
        phases = np.concatenate([[0.0], np.cumsum(turns)])
        changes: tuple[tuple[float, Activity], ...] = tuple(self._changes) or ((0.0, "stand"),)
        return Track(tuple(times), rows, tuple(self._eased), tuple(speeds or [0.0]), tuple(phases.tolist()), changes)

    def _append(self, ease: bool) -> None:
        self._times.append(self.time_s)
        self._rows.append(np.concatenate([self.root, [self.heading], self.pose]))
        self._eased.append(ease)


def facing(origin: Floats, target: Floats) -> float:
    """The heading in radians from one ground point to another; 0 is +y, positive to the left."""
    return math.atan2(-(target[0] - origin[0]), target[1] - origin[1])

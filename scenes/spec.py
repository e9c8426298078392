"""What a scene is to show: place, size, conditions, and who does what when."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal, get_args

from scenes.errors import SceneError
from scenes.truth import Interval

Place = Literal["yard", "corridor"]
Activity = Literal["stand", "walk", "run", "dance", "hug", "play", "fall", "fight"]

PLACES: tuple[Place, ...] = get_args(Place)
ACTIVITIES: tuple[Activity, ...] = get_args(Activity)
# How many people one act takes, fewest and most; a fight of more than four hides its own limbs.
CAST: dict[Activity, tuple[int, int]] = {
    "stand": (1, 12),
    "walk": (1, 12),
    "run": (1, 12),
    "dance": (1, 12),
    "hug": (2, 2),
    "play": (2, 2),
    "fall": (1, 1),
    "fight": (2, 4),
}
MAX_PEOPLE = 12
MAX_SEED = 2**53 - 1
MAX_DURATION_S = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Act:
    """From ``start_s`` until ``end_s`` the people with these ids (from 0) do this together."""

    start_s: float
    end_s: float
    people: tuple[int, ...]
    activity: Activity


@dataclass(frozen=True, slots=True)
class SceneSpec:
    """One camera's footage. People without an act stand about and walk.

    ``noise`` is the standard deviation of the sensor noise in grey levels, ``compression`` is 0 (none) to 1 (worst),
    ``flicker`` the relative swing of the light, ``name`` the camera name in the overlay. Raises ``SceneError``.
    """

    seed: int
    place: Place = "yard"
    width: int = 640
    height: int = 360
    fps: float = 15.0
    duration_s: float = 60.0
    people: int = 4
    acts: tuple[Act, ...] = ()
    night: bool = False
    noise: float = 3.0
    compression: float = 0.3
    flicker: float = 0.01
    shadows: bool = True
    overlay: bool = True
    name: str = "CAM 01"
    loop: bool = False

    def __post_init__(self) -> None:
        _check_range("seed", self.seed, 0, MAX_SEED)
        if self.place not in PLACES:
            raise SceneError(f"place is {self.place!r}; choose one of {', '.join(PLACES)}")
        _check_range("width", self.width, 64, 3840)
        _check_range("height", self.height, 64, 2160)
        _check_range("fps", self.fps, 1, 60)
        _check_range("duration", self.duration_s, 0.5, MAX_DURATION_S)
        _check_range("people", self.people, 0, MAX_PEOPLE)
        _check_range("noise", self.noise, 0, 40)
        _check_range("compression", self.compression, 0, 1)
        _check_range("flicker", self.flicker, 0, 0.3)
        for act in self.acts:
            self._check_act(act)
        self._check_overlaps()

    @property
    def frame_count(self) -> int:
        return max(1, round(self.duration_s * self.fps))

    @property
    def fights(self) -> tuple[Interval, ...]:
        """When somebody fights, overlapping fights merged, in order."""
        return merge(tuple(Interval(act.start_s, act.end_s) for act in self.acts if act.activity == "fight"))

    def _check_act(self, act: Act) -> None:
        if act.activity not in CAST:
            raise SceneError(f"activity is {act.activity!r}; choose one of {', '.join(ACTIVITIES)}")
        what = f"{act.activity} {act.start_s:g}-{act.end_s:g}"
        if not 0 <= act.start_s < act.end_s <= self.duration_s:
            raise SceneError(f"{what} does not lie within the scene; give start < end within 0-{self.duration_s:g} s")
        fewest, most = CAST[act.activity]
        if not fewest <= len(set(act.people)) == len(act.people) <= most:
            raise SceneError(f"{what} has people {act.people}; it takes {fewest} to {most} different ids")
        if any(not 0 <= person < self.people for person in act.people):
            raise SceneError(f"{what} has people {act.people}; ids run from 0 to {self.people - 1}, raise people=")

    def _check_overlaps(self) -> None:
        for person in range(self.people):
            mine = sorted((act for act in self.acts if person in act.people), key=lambda act: act.start_s)
            for first, second in itertools.pairwise(mine):
                if second.start_s < first.end_s:
                    raise SceneError(
                        f"person {person} is in {first.activity} {first.start_s:g}-{first.end_s:g} and in "
                        f"{second.activity} {second.start_s:g}-{second.end_s:g}; acts of one person may not overlap"
                    )


def merge(intervals: tuple[Interval, ...]) -> tuple[Interval, ...]:
    """Join the intervals that touch or overlap; the result is in order of start."""
    merged: list[Interval] = []
    for interval in sorted(intervals, key=lambda one: one.start_s):
        if merged and interval.start_s <= merged[-1].end_s:
            merged[-1] = Interval(merged[-1].start_s, max(merged[-1].end_s, interval.end_s))
        else:
            merged.append(interval)
    return tuple(merged)


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise SceneError(f"{name} is {value:g}; give a value from {low:g} to {high:g}")

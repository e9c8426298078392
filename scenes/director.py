"""From a schedule to movements: sends each person to the next act, and fills the time between with everyday life."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenes import calm
from scenes.camera import Area
from scenes.fight import Brawl
from scenes.spec import Act, SceneSpec
from scenes.track import Track, TrackBuilder

Floats = NDArray[np.float64]
# Faster than this to the next act would look like flight; such people start nearer instead.
WALK_TO_ACT_MPS = 1.4
# Acts that others give room to, and how much is enough.
TOGETHER = frozenset({"fight", "hug", "play", "fall"})
ROOM_M = 1.5
TRIES = 8
Spots = list[tuple[Act, Floats]]


@dataclass(frozen=True, slots=True)
class Director:
    """Plans the tracks of one scene from its schedule."""

    spec: SceneSpec
    area: Area
    rng: np.random.Generator

    def tracks(self) -> tuple[Track, ...]:
        """One track a person, from the first second to the last."""
        acts = sorted(self.spec.acts, key=lambda act: act.start_s)
        marks = {id(act): self._marks(act) for act in acts}
        spots = [(act, np.mean(marks[id(act)], axis=0)) for act in acts if act.activity in TOGETHER]
        people: list[TrackBuilder] = []
        for person in range(self.spec.people):
            others = [*(spot for _, spot in spots[:1]), *(track.root for track in people)]
            people.append(self._enter(person, acts, marks, others))
        for act in acts:
            cast = [people[person] for person in act.people]
            for track, mark in zip(cast, marks[id(act)], strict=True):
                self._live(track, act.start_s, mark, spots)
            self._perform(act, cast)
        for track in people:
            self._live(track, self.spec.duration_s + 1.0, None, spots)
        return tuple(track.finish() for track in people)

    def _marks(self, act: Act) -> list[Floats]:
        """Where each of an act's people stands when it begins."""
        margin = 0.22 if act.activity in TOGETHER else 0.05
        middle = self.area.draw(self.rng, margin)
        if act.activity == "fight":
            # What bystanders hide, no camera sees: fights keep to the nearer half.
            middle[1] = (middle[1] + self.area.near) / 2
        if act.activity not in {"fight", "hug", "play"}:
            spread = [self.area.draw(self.rng, margin) for _ in act.people]
            return [middle, *spread[1:]]
        radius = {"fight": 0.4, "hug": 0.5, "play": self.rng.uniform(0.9, 1.6)}[act.activity]
        start = self.rng.uniform(0, 2 * math.pi) if act.activity == "fight" else self.rng.normal(0, 0.4)
        count = len(act.people)
        angles = [start + 2 * math.pi * index / count for index in range(count)]
        return [self.area.clamp(middle + radius * np.array([math.cos(a), math.sin(a)])) for a in angles]

    def _enter(
        self, person: int, acts: list[Act], marks: dict[int, list[Floats]], others: list[Floats]
    ) -> TrackBuilder:
        """Where a person is first seen: apart from others, and near enough to reach the first act in time."""
        root = max((self.area.draw(self.rng) for _ in range(TRIES)), key=lambda point: _clearance(point, point, others))
        mine = next((act for act in acts if person in act.people), None)
        if mine is not None:
            mark = marks[id(mine)][mine.people.index(person)]
            way, reach = root - mark, WALK_TO_ACT_MPS * max(0.0, mine.start_s - 0.5)
            far = float(np.hypot(*way))
            root = mark + way * min(1.0, reach / max(far, 1e-6))
        return TrackBuilder(root, float(self.rng.uniform(-math.pi, math.pi)))

    def _perform(self, act: Act, cast: list[TrackBuilder]) -> None:
        rng, until = self.rng, act.end_s
        if act.activity == "fight":
            Brawl(cast, self.area, until, float(rng.uniform(1.0, 1.4)), rng).play()
        elif act.activity == "hug":
            calm.hug(cast, until, rng)
        elif act.activity == "play":
            calm.play(cast, until, rng)
        elif act.activity == "dance":
            tempo = 60.0 / float(rng.uniform(95, 135))
            for track in cast:
                calm.dance(track, until, tempo, rng)
        else:
            for track in cast:
                self._alone(act.activity, track, until)

    def _alone(self, activity: str, track: TrackBuilder, until_s: float) -> None:
        if activity == "run":
            calm.run(track, until_s, self.area, self.rng)
        elif activity == "fall":
            calm.fall(track, until_s, self.rng)
        elif activity == "walk":
            calm.wander(track, until_s, self.area, self.rng)
        else:
            calm.stand(track, until_s, self.rng)

    def _live(self, track: TrackBuilder, until_s: float, mark: Floats | None, spots: Spots) -> None:
        """Stand and walk until a time; with a mark, be there then."""
        while track.time_s < until_s - 1e-6:
            left = until_s - track.time_s
            need = 0.0 if mark is None else float(np.hypot(*(mark - track.root))) / WALK_TO_ACT_MPS
            if mark is not None and left < need + 1.5:
                calm.travel(track, mark, until_s)
                return
            spare = left - need
            if self.rng.random() < 0.72:
                calm.stand(track, track.time_s + min(spare, float(self.rng.uniform(2, 7))), self.rng)
                continue
            goal = self._clear_goal(track, spots)
            way = float(np.hypot(*(goal - track.root))) / float(self.rng.uniform(0.9, 1.5))
            back = 0.0 if mark is None else float(np.hypot(*(mark - goal))) / WALK_TO_ACT_MPS
            if way + back > left:
                calm.stand(track, track.time_s + min(spare, 2.0), self.rng)
            else:
                calm.travel(track, goal, track.time_s + max(way, 0.6))

    def _clear_goal(self, track: TrackBuilder, spots: Spots) -> Floats:
        """A random point whose way from here keeps clear of what others are busy with."""
        soon = track.time_s + 6.0
        busy = [spot for act, spot in spots if act.start_s < soon and track.time_s < act.end_s]
        goal = self.area.draw(self.rng)
        for _ in range(TRIES):
            if _clearance(track.root, goal, busy) > ROOM_M:
                break
            goal = self.area.draw(self.rng)
        return goal


def _clearance(begin: Floats, end: Floats, points: list[Floats]) -> float:
    """The distance in metres from a straight way to the nearest of some points."""
    way = end - begin
    length = max(float(way @ way), 1e-9)
    nearest = math.inf
    for point in points:
        share = min(max(float((point - begin) @ way) / length, 0.0), 1.0)
        nearest = min(nearest, float(np.hypot(*(begin + way * share - point))))
    return nearest

"""How a fight moves: exchanges of blows, shoves, grapples and kicks at the fallen, irregular in time and place.

An exchange is a short scene between an attacker and a victim; others of the group strike in or circle. Every one is
a row of key poses a tenth to a third of a second apart, which is about the rhythm of blows in real footage.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenes.body import pose
from scenes.camera import Area
from scenes.track import TrackBuilder, facing

Floats = NDArray[np.float64]
GUARD = pose(
    left_arm=0.9, right_arm=0.8, left_out=0.25, right_out=0.25, left_elbow=1.6, right_elbow=1.7, lean=0.22,
    left_leg=0.35, left_knee=0.4, right_leg=-0.2, right_knee=0.35, left_open=0.14, right_open=0.14,
)  # fmt: skip
SIDES = ("left", "right")
LUNGE_MPS = 4.5


@dataclass(frozen=True, slots=True)
class Brawl:
    """One fight: the people, where it stays, how hot it is (1 is usual) and its random numbers."""

    group: Sequence[TrackBuilder]
    area: Area
    until_s: float
    heat: float
    rng: np.random.Generator

    def play(self) -> None:
        """Append exchanges to every track until the end."""
        for track in self.group:
            track.begin("fight")
        exchanges = (self._punches, self._shove, self._grapple, self._kicks, self._knock_down)
        odds = np.array([0.36, 0.16, 0.24, 0.12, 0.12])
        while min(track.time_s for track in self.group) < self.until_s - 1e-6:
            order = self.rng.permutation(len(self.group))
            attacker, victim = self.group[order[0]], self.group[order[1]]
            start = max(attacker.time_s, victim.time_s)
            for track in (attacker, victim):
                if start > track.time_s:
                    self._key(track, start - track.time_s, self._loose(GUARD))
            exchanges[int(self.rng.choice(len(exchanges), p=odds))](attacker, victim)
            for other in self.group:
                if other is not attacker and other is not victim:
                    self._join_in(other, victim, victim.time_s)

    def _key(
        self,
        track: TrackBuilder,
        after_s: float,
        shape: Floats,
        root: Floats | None = None,
        heading: float | None = None,
    ) -> None:
        """A key within the fight's time, never past its end, at a place within the area."""
        after = min(after_s, self.until_s - track.time_s)
        if after <= 1e-9:
            return
        track.key(after, shape, root=None if root is None else self.area.clamp(root), heading=heading)

    def _loose(self, shape: Floats, amount: float = 0.12) -> Floats:
        """No two blows are the same: shake every angle but the jump."""
        shaken: Floats = shape + self.rng.normal(0, amount, shape.shape) * (np.arange(len(shape)) > 0)
        shaken[-3:] = shape[-3:]
        return shaken

    def _span(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high)) / self.heat

    def _close_in(self, attacker: TrackBuilder, victim: TrackBuilder, gap: float, span: float) -> None:
        """The attacker comes to within reach; both turn to face each other, and drift and circle as they do."""
        line = attacker.root - victim.root
        angle = math.atan2(line[1], line[0]) + self.rng.normal(0, 0.45)
        # Fights wander over the ground but stay within the picture.
        middle = (self.area.clamp(victim.root) * 5 + self._middle()) / 6 + self.rng.normal(0, 0.2, 2)
        goal = middle + gap * np.array([math.cos(angle), math.sin(angle)])
        span = max(span, float(np.hypot(*(goal - attacker.root))) / LUNGE_MPS)
        self._key(attacker, span, self._loose(GUARD), goal, facing(goal, middle))
        self._key(victim, span, self._loose(GUARD), middle, facing(middle, goal))

    def _middle(self) -> Floats:
        return np.array([(self.area.left + self.area.right) / 2, self.area.near * 0.8 + self.area.far * 0.2])

    def _punches(self, attacker: TrackBuilder, victim: TrackBuilder) -> None:
        self._close_in(attacker, victim, self.rng.uniform(0.5, 0.7), self._span(0.15, 0.3))
        for _ in range(int(self.rng.integers(2, 7))):
            side = SIDES[int(self.rng.integers(2))]
            hit = self.rng.random() < 0.6
            wind, strike, back = self._span(0.08, 0.15), self._span(0.07, 0.12), self._span(0.08, 0.2)
            away = victim.root - attacker.root
            push = away / max(float(np.hypot(*away)), 0.1) * self.rng.uniform(0.1, 0.4)
            self._key(attacker, wind, self._loose(_wound(side)))
            self._key(
                attacker, strike, self._loose(_blow(side, wide=self.rng.random() < 0.5)), attacker.root + push * 0.9
            )
            self._key(attacker, back, self._loose(GUARD))
            answer = self._reel() if hit else self._loose(_wound(SIDES[int(self.rng.integers(2))]))
            self._key(victim, wind + strike * 0.7, self._loose(GUARD, 0.2))
            self._key(victim, strike * 0.5 + back * 0.4, answer, victim.root + push)
            if hit:
                self._key(victim, strike * -0.2 + back * 0.6, self._loose(GUARD, 0.2))
            else:
                self._key(victim, strike * -0.2 + back * 0.6, self._loose(_blow(side, wide=True)))

    def _reel(self) -> Floats:
        """Struck: head and trunk thrown back, arms flung."""
        rng = self.rng
        return pose(
            GUARD, lean=rng.uniform(-0.5, -0.1), side=rng.normal(0, 0.4), nod=rng.uniform(-0.7, 0.2),
            twist=rng.normal(0, 0.6), left_arm=rng.uniform(0.2, 1.8), right_arm=rng.uniform(0.2, 1.8),
            left_out=rng.uniform(0.3, 1.3), right_out=rng.uniform(0.3, 1.3),
            left_elbow=rng.uniform(0.2, 1.5), right_elbow=rng.uniform(0.2, 1.5),
        )  # fmt: skip

    def _shove(self, attacker: TrackBuilder, victim: TrackBuilder) -> None:
        self._close_in(attacker, victim, 0.55, self._span(0.15, 0.3))
        away = victim.root - attacker.root
        away = away / max(float(np.hypot(*away)), 0.1)
        wind, push = self._span(0.12, 0.2), self._span(0.1, 0.16)
        drawn = pose(GUARD, left_elbow=2.2, right_elbow=2.2, left_arm=0.4, right_arm=0.4)
        thrust = pose(GUARD, left_elbow=0.1, right_elbow=0.1, left_arm=1.5, right_arm=1.5, lean=0.55, right_leg=-0.5)
        self._key(attacker, wind, self._loose(drawn))
        self._key(attacker, push, self._loose(thrust), attacker.root + away * 0.3)
        self._key(victim, wind + push * 0.6, self._loose(GUARD))
        back = self.rng.uniform(0.6, 1.5)
        for part in (0.6, 0.4):
            self._key(victim, self._span(0.15, 0.25), self._reel(), victim.root + away * (back * part))
        self._key(
            attacker,
            max(0.05, victim.time_s - attacker.time_s),
            self._loose(GUARD),
            attacker.root + away * (back * 0.8),
        )

    def _grapple(self, attacker: TrackBuilder, victim: TrackBuilder) -> None:
        """Locked together, tugging each other about and round."""
        self._close_in(attacker, victim, 0.36, self._span(0.15, 0.25))
        middle = (attacker.root + victim.root) / 2
        angle = facing(attacker.root, victim.root)
        turn = float(self.rng.choice([-1.0, 1.0]))
        for _ in range(int(self.rng.integers(4, 10))):
            span = self._span(0.11, 0.26)
            angle += turn * self.rng.uniform(-0.1, 0.6)
            middle = self.area.clamp(middle + self.rng.normal(0, 0.2, 2))
            gap = np.array([-math.sin(angle), math.cos(angle)]) * self.rng.uniform(0.15, 0.24)
            for track, sign in ((attacker, -1.0), (victim, 1.0)):
                heading = angle if sign < 0 else angle + math.pi
                self._key(track, span, self._lock(), middle + gap * sign, heading + self.rng.normal(0, 0.2))

    def _lock(self) -> Floats:
        rng = self.rng
        return pose(
            lean=rng.uniform(0.2, 0.75), side=rng.normal(0, 0.3), twist=rng.normal(0, 0.4), nod=rng.uniform(-0.2, 0.5),
            left_arm=rng.uniform(0.7, 1.9), right_arm=rng.uniform(0.7, 1.9), left_out=rng.uniform(0, 0.5),
            right_out=rng.uniform(0, 0.5), left_elbow=rng.uniform(0.2, 1.6), right_elbow=rng.uniform(0.2, 1.6),
            left_leg=rng.uniform(-0.2, 0.6), right_leg=rng.uniform(-0.5, 0.3), left_knee=rng.uniform(0.1, 0.8),
            right_knee=rng.uniform(0.1, 0.8), left_open=0.2, right_open=0.2,
        )  # fmt: skip

    def _kicks(self, attacker: TrackBuilder, victim: TrackBuilder) -> None:
        self._close_in(attacker, victim, self.rng.uniform(0.7, 0.9), self._span(0.15, 0.3))
        away = victim.root - attacker.root
        away = away / max(float(np.hypot(*away)), 0.1)
        for _ in range(int(self.rng.integers(1, 3))):
            self._kick(attacker, low=False)
            self._key(victim, 0.22 / self.heat, self._loose(GUARD, 0.2))
            self._key(victim, 0.15 / self.heat, self._reel(), victim.root + away * self.rng.uniform(0.1, 0.4))
            self._key(victim, max(0.02, attacker.time_s - victim.time_s), self._loose(GUARD))

    def _kick(self, attacker: TrackBuilder, low: bool) -> None:
        side = SIDES[int(self.rng.integers(2))]
        chamber = pose(GUARD, **{f"{side}_leg": -0.6 if low else 0.9, f"{side}_knee": 1.1 if low else 1.7})
        reach = 0.75 if low else self.rng.uniform(1.1, 1.5)
        kicked = pose(GUARD, lean=-0.25, left_out=0.8, right_out=0.6, left_elbow=0.7, right_elbow=0.7)
        kicked = pose(kicked, **{f"{side}_leg": reach, f"{side}_knee": 0.1})
        for span, shape in ((self._span(0.1, 0.16), chamber), (self._span(0.08, 0.12), kicked)):
            self._key(attacker, span, self._loose(shape))
        self._key(attacker, self._span(0.12, 0.2), self._loose(GUARD))

    def _knock_down(self, attacker: TrackBuilder, victim: TrackBuilder) -> None:
        """A blow that fells the victim, who curls up on the ground under kicks or fists, and gets up."""
        self._close_in(attacker, victim, 0.6, self._span(0.15, 0.25))
        away = victim.root - attacker.root
        away = away / max(float(np.hypot(*away)), 0.1)
        self._key(attacker, 0.12, self._loose(_wound("right")))
        self._key(attacker, 0.1, self._loose(_blow("right", wide=True)), attacker.root + away * 0.2)
        self._key(victim, 0.2, self._reel(), victim.root + away * 0.1)
        self._key(victim, self._span(0.3, 0.42), self._curled(), victim.root + away * 0.35)
        self._key(attacker, max(0.02, victim.time_s - attacker.time_s), self._loose(GUARD), victim.root - away * 0.55)
        fists = self.rng.random() < 0.4
        end = min(self.until_s, attacker.time_s + self.rng.uniform(1.2, 3.2))
        while attacker.time_s < end - 1e-6:
            if fists:
                self._pound(attacker)
            else:
                self._kick(attacker, low=True)
        while victim.time_s < end - 1e-6:
            self._key(victim, self._span(0.15, 0.35), self._curled())
        rise = self._span(0.5, 0.8)
        crouch = pose(GUARD, left_knee=1.9, right_knee=1.9, left_leg=1.0, right_leg=0.8, lean=0.8)
        self._key(victim, rise * 0.6, crouch, victim.root + away * 0.15)
        self._key(victim, rise * 0.4, self._loose(GUARD))
        self._key(attacker, max(0.02, victim.time_s - attacker.time_s), self._loose(GUARD), attacker.root - away * 0.2)

    def _curled(self) -> Floats:
        rng = self.rng
        return pose(
            topple=-1.4, roll=rng.normal(0, 0.25), nod=rng.uniform(0.2, 0.7), side=rng.normal(0, 0.2),
            lean=rng.uniform(0, 0.5), left_arm=rng.uniform(1.2, 2.4), right_arm=rng.uniform(1.2, 2.4),
            left_elbow=rng.uniform(0.8, 2.2), right_elbow=rng.uniform(0.8, 2.2),
            left_leg=rng.uniform(0.5, 1.6), right_leg=rng.uniform(0.3, 1.5),
            left_knee=rng.uniform(0.8, 2.0), right_knee=rng.uniform(0.6, 2.0),
        )  # fmt: skip

    def _pound(self, attacker: TrackBuilder) -> None:
        side = SIDES[int(self.rng.integers(2))]
        bent = pose(GUARD, lean=1.05, left_leg=0.9, right_leg=0.5, left_knee=1.2, right_knee=1.1)
        up = pose(bent, **{f"{side}_arm": 2.6, f"{side}_elbow": 0.9, "twist": -0.4 if side == "right" else 0.4})
        down = pose(bent, **{f"{side}_arm": 0.7, f"{side}_elbow": 0.1, "lean": 1.25})
        self._key(attacker, self._span(0.12, 0.18), self._loose(up))
        self._key(attacker, self._span(0.08, 0.12), self._loose(down))

    def _join_in(self, other: TrackBuilder, victim: TrackBuilder, until_s: float) -> None:
        """A further person strikes at the victim too, or pulls and circles, until the exchange is over."""
        while other.time_s < min(until_s, self.until_s) - 1e-6:
            line = other.root - victim.root
            angle = math.atan2(line[1], line[0]) + self.rng.normal(0, 0.4)
            goal = victim.root + self.rng.uniform(0.55, 0.95) * np.array([math.cos(angle), math.sin(angle)])
            heading = facing(goal, victim.root)
            if self.rng.random() < 0.65:
                side = SIDES[int(self.rng.integers(2))]
                self._key(other, self._span(0.1, 0.2), self._loose(_wound(side)), goal, heading)
                self._key(other, self._span(0.08, 0.13), self._loose(_blow(side, wide=True)))
                self._key(other, self._span(0.1, 0.2), self._loose(GUARD))
            else:
                self._key(other, self._span(0.25, 0.45), self._loose(GUARD, 0.2), goal, heading)


def _wound(side: str) -> Floats:
    """An arm drawn back."""
    sign = -1.0 if side == "right" else 1.0
    return pose(
        GUARD, **{f"{side}_arm": -0.3, f"{side}_elbow": 2.0, f"{side}_out": 0.6, "twist": 0.55 * sign, "lean": 0.1}
    )


def _blow(side: str, *, wide: bool) -> Floats:
    """An arm thrown out, straight or in a wide swing."""
    sign = 1.0 if side == "right" else -1.0
    out = 0.55 if wide else 0.0
    return pose(
        GUARD, **{f"{side}_arm": 1.6, f"{side}_elbow": 0.12, f"{side}_out": out, "twist": 0.7 * sign, "lean": 0.42}
    )

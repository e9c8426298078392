"""Which frames become samples: pure logic, moved by the frames' own times."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from edge_agent.events import Mode
from edge_agent.glance import GlanceTiming
from edge_agent.policy import require_not_negative, require_positive
from edge_agent.timeline import Tick
from models.manifest import Geometry

# Instants are sums of tenths and lie exactly on frames, or exactly between two of them: there the earlier is taken.
_ROUNDING_S = 1e-6


@dataclass(frozen=True, slots=True)
class SamplingPolicy:
    """A sample every ``idle_interval_s`` while a camera is idle, ``alert_rate_hz`` samples a second while it
    is alert. More than the bundle's own rate makes no longer windows, but more of them, each judged when it is new;
    while no verdict is waited for there are no more than ``steady_rate_hz``, by default the bundle's own.

    A glance that begins with the picture of the one before may end with it, but for one every ``full_glance_s``; with 0
    all are made in full."""

    idle_interval_s: float = 2.0
    alert_rate_hz: float = 10.0
    full_glance_s: float = 30.0
    steady_rate_hz: float | None = None

    def __post_init__(self) -> None:
        require_positive(idle_interval_s=self.idle_interval_s, alert_rate_hz=self.alert_rate_hz)
        require_not_negative(full_glance_s=self.full_glance_s)
        if self.steady_rate_hz is not None:
            require_positive(steady_rate_hz=self.steady_rate_hz)

    def most_hz(self, geometry: Geometry, *, hurries: bool) -> float:
        """The most samples a second that are worth taking of an alert camera, whether it ``hurries``: a verdict is
        waited for."""
        return self.alert_rate_hz if hurries else self.steady_rate_hz or geometry.rate_hz


@dataclass(frozen=True, slots=True)
class Triple:
    """One sample: its instant, and the times of the frames nearest to two frame gaps before it, one, and itself."""

    time_s: float
    before: float
    now: float
    after: float


@dataclass(frozen=True, slots=True)
class Step:
    """What a frame makes necessary: whether it and the one before it are needed, which samples are complete with it,
    the time before which no frame is needed any more, and that of the frame with which a glance began just now."""

    take_previous: bool
    take: bool
    samples: tuple[Triple, ...]
    needed_from: float
    glance: float | None = None


@dataclass(slots=True)
class _Plan:
    time_s: float
    instants: deque[float]
    chosen: list[float] = field(default_factory=list)
    usable: bool = True


class Sampler:
    """Plans samples ahead and says frame by frame which are needed for them.

    ``mode`` and ``policy`` may be set at any time, from any thread; they take effect with the next frame. A sample
    whose frames lie too far from its instants (frames were lost) would show a motion that never was, and is left out;
    so is one of the same three frames as the one before, which a camera slower than the rate would give.
    """

    def __init__(self, policy: SamplingPolicy, geometry: Geometry) -> None:
        self.mode: Mode = "idle"
        self.policy = policy
        self._geometry = geometry
        self._gap_s = geometry.frame_gap_s
        self._planned_policy = policy
        self._interval_s = self._intervals(policy)
        self._planned_mode: Mode = "idle"
        self._plans: deque[_Plan] = deque()
        self._previous: Tick | None = None
        self._chosen: list[float] = []
        self._last_s = 0.0
        self._next_s = 0.0
        self._sampled_s = -math.inf
        self._timing = GlanceTiming()
        self._glancing = True

    def needs(self, time_s: float, *, key: bool) -> bool:
        """Whether the picture at ``time_s``, which is not decoded yet, is needed; ``key`` says that it can be decoded
        without any before it. An idle camera needs those of a glance, which is moved by at most a quarter of the
        interval to begin with a key picture; an alert one needs all. ``time_s`` is on the clock of the ticks."""
        self._follow_policy(time_s)
        interval_s = self._interval_s["idle"]
        begins = self._timing.begins(time_s, self._next_s - 2 * self._gap_s, interval_s, key=key)
        if self._looks:
            return True
        if begins:
            # By a rounding sooner, so that this very picture is the first of the sample.
            self._next_s = time_s + 2 * self._gap_s - _ROUNDING_S
            self._glancing = True
        return begins

    def rest_s(self, time_s: float) -> float:
        """For how many seconds from ``time_s`` on an idle camera needs no picture, as far as is known there."""
        if self._looks:
            return 0.0
        planned_s = self._next_s - 2 * self._gap_s
        return max(0.0, self._timing.earliest(planned_s, self._interval_s["idle"]) - time_s)

    def offer(self, tick: Tick, *, turns_back: bool = True) -> Step:
        """Take the next frame's place in time; ``tick.time_s`` rises from call to call. Unless it ``turns_back``, the
        frame before is not there any more, and no sample takes it."""
        previous = self._previous
        if previous is None or tick.run != previous.run:
            previous = None
            self._plans.clear()
            self._glancing = True
            self._next_s = self._last_s = tick.time_s + 2 * self._gap_s
        self._follow_policy(tick.time_s)
        self._follow_mode(tick.time_s)
        self._plan(tick.time_s)
        self._previous = tick
        return self._resolve(previous if turns_back else None, tick)

    def end_glance(self) -> None:
        """Need no more of the glance that the last step began than it has; the next comes when it would have come."""
        self._sampled_s = self._plans.pop().chosen[0]
        self._glancing = False

    @property
    def _looks(self) -> bool:
        """Whether all pictures are needed now."""
        return "alert" in (self.mode, self._planned_mode) or self._glancing or bool(self._plans)

    def _intervals(self, policy: SamplingPolicy) -> dict[Mode, float]:
        return {"idle": policy.idle_interval_s, "alert": 1.0 / policy.alert_rate_hz}

    def _follow_policy(self, time_s: float) -> None:
        policy = self.policy
        if policy == self._planned_policy:
            return
        self._planned_policy = policy
        self._interval_s = self._intervals(policy)
        # A shorter interval counts at once; a longer one from the next sample on, which is thereby never put off.
        sooner_s = max(self._last_s + self._interval_s[self._planned_mode], time_s + 2 * self._gap_s)
        self._next_s = min(self._next_s, sooner_s)

    def _follow_mode(self, time_s: float) -> None:
        mode = self.mode
        if mode == self._planned_mode:
            return
        self._planned_mode = mode
        if mode == "alert":
            self._next_s = min(self._next_s, time_s + 2 * self._gap_s)
        else:
            self._next_s = max(self._last_s + self._interval_s[mode], time_s + 2 * self._gap_s)

    def _plan(self, time_s: float) -> None:
        while self._next_s - 2 * self._gap_s <= time_s:
            now = self._next_s
            self._plans.append(_Plan(now, deque((now - 2 * self._gap_s, now - self._gap_s, now))))
            self._last_s = now
            self._next_s = now + self._interval_s[self._planned_mode]

    def _resolve(self, previous: Tick | None, tick: Tick) -> Step:
        taken: set[float] = set()
        idle = self._planned_mode == "idle" and len(self._plans) == 1
        unbegun = self._plans[0] if idle and not self._plans[0].chosen else None
        tolerance = max(self._gap_s / 2, tick.pace_s) + _ROUNDING_S
        for plan in self._plans:
            while plan.instants and plan.instants[0] <= tick.time_s + _ROUNDING_S:
                instant = plan.instants.popleft()
                nearest = tick.time_s
                if previous is not None and instant - previous.time_s <= tick.time_s - instant + _ROUNDING_S:
                    nearest = previous.time_s
                plan.chosen.append(nearest)
                plan.usable = plan.usable and abs(nearest - instant) <= tolerance
                taken.add(nearest)
        return Step(
            take_previous=previous is not None and previous.time_s in taken,
            take=tick.time_s in taken,
            samples=self._completed(tick.time_s),
            needed_from=min((plan.chosen[0] for plan in self._plans if plan.chosen), default=tick.time_s),
            glance=None if unbegun is None else self._begun(unbegun),
        )

    def _begun(self, plan: _Plan) -> float | None:
        """The time of the first frame of a glance that has one, is not complete yet and overlaps none before it."""
        begun = plan.chosen and plan.instants and plan.usable and plan.chosen[0] > self._sampled_s
        return plan.chosen[0] if begun else None

    def _completed(self, time_s: float) -> tuple[Triple, ...]:
        samples = []
        while self._plans and not self._plans[0].instants:
            plan = self._plans.popleft()
            self._glancing = self._glancing and not plan.usable
            if plan.usable and plan.chosen != self._chosen:
                self._chosen, self._sampled_s = plan.chosen, plan.time_s
                samples.append(Triple(plan.time_s, *plan.chosen))
            elif not plan.usable:
                self._next_s = min(self._next_s, time_s + 2 * self._gap_s)
        return tuple(samples)

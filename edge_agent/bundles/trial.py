"""Whether a bundle on trial does its work, by what the running agent sees; pure, time passed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from edge_agent.delivery.payloads import Drift
from edge_agent.drift import DriftPolicy
from edge_agent.observation import Observation
from edge_agent.policy import require_positive

Verdict = Literal["keep", "leave"]


@dataclass(frozen=True, slots=True)
class TrialPolicy:
    """A bundle is kept once ``window_s`` have passed since its first judgement and it still judges. It is left when a
    camera has been connected for ``silence_s`` and nothing was judged meanwhile, when the engine changed more than
    ``most_changes`` times, or when it is too far from the bundle before (``drift``)."""

    window_s: float = 600.0
    silence_s: float = 120.0
    most_changes: int = 3
    drift: DriftPolicy = field(default_factory=DriftPolicy)

    def __post_init__(self) -> None:
        require_positive(window_s=self.window_s, silence_s=self.silence_s)


class TrialWatch:
    """Judges one trial by what is observed of cameras. Without a connected camera nothing is concluded: a site that
    shows no picture proves nothing of a bundle."""

    def __init__(self, policy: TrialPolicy, clock: Callable[[], float]) -> None:
        """``clock`` is monotonic seconds."""
        self._policy = policy
        self._clock = clock
        self._connected: set[str] = set()
        self._first_s: float | None = None
        self._silent_since_s: float | None = None
        self._runtimes: list[str] = []
        self.reason = ""

    def note_runtime(self, runtime: str) -> None:
        """Take note of the engine that judges from now on."""
        self._runtimes.append(runtime)

    def observe(self, observation: Observation, drift: Drift | None = None) -> Verdict | None:
        """Take note of one camera; what follows from all that was seen, which stays the same from then on."""
        fault = self._find_engine_fault() or self._policy.drift.find_fault(drift)
        if fault is not None:
            self.reason = fault
            return "leave"
        return self._watch(observation)

    def _find_engine_fault(self) -> str | None:
        # The first is the one that it began with.
        changes = len(self._runtimes) - 1
        if changes <= self._policy.most_changes:
            return None
        return f"its engine changed {changes} times, at last to {self._runtimes[-1]}"

    def _watch(self, observation: Observation) -> Verdict | None:
        now_s = self._clock()
        if observation.connection == "connected":
            self._connected.add(observation.camera)
        else:
            self._connected.discard(observation.camera)
        if observation.samples_per_s > 0:
            self._first_s = now_s if self._first_s is None else self._first_s
            self._silent_since_s = None
            return "keep" if now_s - self._first_s >= self._policy.window_s else None
        if not self._connected:
            self._silent_since_s = None
            return None
        self._silent_since_s = now_s if self._silent_since_s is None else self._silent_since_s
        silent_s = now_s - self._silent_since_s
        if silent_s < self._policy.silence_s:
            return None
        self.reason = f"cameras are connected and nothing was judged for {silent_s:.0f} s"
        return "leave"

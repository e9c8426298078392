"""A film watched by the agent's own parts on a clock of its own: sampler, ring, attention and incident machine.

What a network says of a window does not depend on policies, so it is asked once and remembered: a film can be watched
again under other thresholds at almost no cost.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.films import Frames
from edge_agent.attention import Attention
from edge_agent.camera_policies import CameraPolicies
from edge_agent.governor import slow_down
from edge_agent.incidents import IncidentMachine
from edge_agent.inference import Judging
from edge_agent.ring import EmbeddingRing
from edge_agent.sampling import Sampler, Triple
from edge_agent.timeline import LARGEST_GAP_S, Timeline
from models.manifest import Geometry, Preprocessing
from models.preprocessing import make_sample

Window = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident by the film's clock: when its rise began, when it was told, and when it was over."""

    began_s: float
    told_s: float
    ended_s: float


@dataclass(frozen=True, slots=True)
class Watched:
    """What became of a film: incidents in order, how many samples were judged, and how long, in seconds, the camera
    was awake and the film is."""

    incidents: tuple[Incident, ...]
    samples: int
    awake_s: float
    seconds: float


class Memory:
    """One film's samples and windows as one detector judges them, each computed when it is first asked for."""

    def __init__(self, frames: Frames, detector: Judging, geometry: Geometry, preprocessing: Preprocessing) -> None:
        self.geometry = geometry
        self.times_s = frames.times_s
        self._frames = frames
        self._detector = detector
        self._preprocessing = preprocessing
        self._numbers: dict[tuple[float, float, float], int] = {}
        self._embeddings: list[NDArray[np.float32]] = []
        self._judged: dict[Window, float] = {}

    def number(self, triple: Triple) -> int:
        """The number of a sample's embedding."""
        key = (triple.before, triple.now, triple.after)
        if key not in self._numbers:
            before, now, after = self._frames.shrunk[np.searchsorted(self.times_s, key)]
            sample = make_sample(before, now, after, self._preprocessing)
            self._numbers[key] = len(self._embeddings)
            self._embeddings.append(self._detector.encode(sample[None])[0])
        return self._numbers[key]

    def probability(self, window: Window) -> float:
        """What the detector says of a window of these numbers."""
        if window not in self._judged:
            embeddings = np.stack([self._embeddings[number] for number in window])
            self._judged[window] = float(self._detector.judge(embeddings[None])[0])
        return self._judged[window]


def watch(memory: Memory, policies: CameraPolicies) -> Watched:
    """Watch the film as the agent would from an idle camera on, each sample judged at the instant it is complete."""
    timeline, sampler = Timeline(LARGEST_GAP_S), Sampler(policies.sampling, memory.geometry)
    ring = EmbeddingRing(memory.geometry, LARGEST_GAP_S)
    attention = Attention(policies.attention, policies.thresholds)
    names = (str(number) for number in itertools.count())
    machine = IncidentMachine(policies.incidents, policies.thresholds, lambda: next(names))
    told: list[float] = []
    incidents: list[Incident] = []
    samples, awake_s, last_s = 0, 0.0, 0.0
    for time_s in memory.times_s:
        tick = timeline.follow(float(time_s), 0, float(time_s))
        if tick is None:
            continue
        awake_s += tick.time_s - last_s if attention.mode == "alert" else 0.0
        last_s = tick.time_s
        for triple in sampler.offer(tick).samples:
            samples += 1
            # The ring takes embeddings of any length: their numbers pass through it as they would themselves.
            window = ring.append(triple.time_s, tick.run, np.array([memory.number(triple)], dtype=np.float32))
            probability = memory.probability(tuple(int(number) for number in window[:, 0]))
            step = machine.judge(triple.time_s, probability)
            if step is not None and step.phase == "started":
                told.append(step.time_s)
            if step is not None and step.ended_s is not None:
                incidents.append(Incident(step.started_s, told[-1], step.ended_s))
            busy = machine.incident is not None
            sampler.mode = attention.judge(triple.time_s, probability, busy=busy)
            hurries = not busy and probability >= policies.thresholds.clear
            sampler.policy = slow_down(policies, 1.0, policies.sampling.most_hz(memory.geometry, hurries=hurries))
    rest = machine.close(last_s)
    if rest is not None:
        incidents.append(Incident(rest.started_s, told[-1], last_s))
    return Watched(tuple(incidents), samples, awake_s, last_s)

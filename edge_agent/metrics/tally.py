"""The tally: what happened in the agent since its start, by camera and by stage."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from edge_agent.inference import Judgement
from edge_agent.metrics.distribution import Distribution
from edge_agent.observation import Observation
from edge_agent.sample import Sample
from edge_agent.stopwatch import Span
from edge_agent.tracer import Stage

LATENCY_BOUNDS_S = (0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.2, 0.35, 0.5, 1.0, 2.0, 5.0)
BATCH_BOUNDS = (1, 2, 4, 8, 16, 32, 64, 128)


@dataclass(slots=True)
class CameraFigures:
    """One camera's counts. ``still`` are those ``judged`` of glances at which nothing moved, ``broken`` packets, frames
    and clips left out; ``seen`` is how it was last."""

    frames: int = 0
    made: int = 0
    judged: int = 0
    still: int = 0
    dropped: int = 0
    broken: int = 0
    latency: Distribution = field(default_factory=lambda: Distribution(LATENCY_BOUNDS_S))
    seen: Observation | None = None


@dataclass(slots=True)
class StageFigures:
    """One stage's seconds, those that passed and those that were computed."""

    count: int = 0
    elapsed_s: float = 0.0
    computed_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything at one instant. ``stages`` are by camera, which is empty where the work is for all, and stage."""

    cameras: Mapping[str, CameraFigures]
    stages: Mapping[tuple[str, Stage], StageFigures]
    batches: Distribution
    waiting: int
    runtime: str


class Tally:
    """A ``Listener`` to a ``Stopwatch``, which counts; safe to use from any thread.

    It never grows: what it hears of a camera that is not among ``cameras`` is left out.
    """

    def __init__(self, cameras: Iterable[str]) -> None:
        self._lock = threading.Lock()
        self._cameras = {camera: CameraFigures() for camera in cameras}
        self._stages: dict[tuple[str, Stage], StageFigures] = {}
        self._batches = Distribution(BATCH_BOUNDS)
        self._waiting = 0
        self._runtime = ""

    def figures(self) -> Figures:
        """A copy of everything."""
        with self._lock:
            return Figures(
                {name: replace(camera, latency=camera.latency.copy()) for name, camera in self._cameras.items()},
                {key: replace(stage) for key, stage in self._stages.items()},
                self._batches.copy(),
                self._waiting,
                self._runtime,
            )

    def use_runtime(self, runtime: str) -> None:
        """Take note of what judges from now on."""
        self._runtime = runtime

    def observe(self, observation: Observation) -> None:
        """Take note of how a camera is."""
        with self._lock:
            camera = self._cameras.get(observation.camera)
            if camera is None:
                return
            # A reader that takes another's place counts from nothing.
            before = camera.seen.skipped if camera.seen is not None else 0
            camera.broken += observation.skipped - before if observation.skipped >= before else observation.skipped
            camera.seen = replace(observation, thumbnail=None)

    def timed(self, span: Span) -> None:
        if span.camera and span.camera not in self._cameras:
            return
        with self._lock:
            stage = self._stages.setdefault((span.camera, span.stage), StageFigures())
            stage.count += span.count
            stage.elapsed_s += span.elapsed_s
            stage.computed_s += span.computed_s
            if span.stage == "encode":
                self._batches.add(span.count)

    def frame_read(self, camera: str) -> None:
        with self._lock:
            if camera in self._cameras:
                self._cameras[camera].frames += 1

    def queued(self, sample: Sample, waiting: int) -> None:
        with self._lock:
            self._waiting = waiting
            if sample.camera in self._cameras:
                self._cameras[sample.camera].made += 1

    def taken(self, waiting: int) -> None:
        self._waiting = waiting

    def dropped(self, sample: Sample, waiting: int) -> None:
        with self._lock:
            self._waiting = waiting
            if sample.camera in self._cameras:
                self._cameras[sample.camera].dropped += 1

    def judged(self, judgement: Judgement) -> None:
        with self._lock:
            camera = self._cameras.get(judgement.sample.camera)
            if camera is not None:
                camera.judged += 1
                camera.still += judgement.sample.still
                camera.latency.add(judgement.latency_s)

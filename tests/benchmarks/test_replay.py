from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.films import Frames
from benchmarks.replay import Incident, Memory, watch
from edge_agent.camera_policies import CameraPolicies
from edge_agent.events import CameraState, Health, IncidentEvent, Snapshot
from edge_agent.frame import Frame
from edge_agent.governor import slow_down
from edge_agent.incidents import IncidentPolicy
from edge_agent.inference import Judge
from edge_agent.sample import SampleMaker
from edge_agent.timeline import LARGEST_GAP_S
from edge_agent.watch import Watch
from models.bundle import Bundle
from models.manifest import Thresholds
from models.preprocessing import Luma
from runtimes.detector import Detector, open_detector
from tests.tiny_bundle import SIZE

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
THRESHOLDS = Thresholds(wake=0.65, alert=0.75, clear=0.7)


class Shown:
    """A picture whose luma is known."""

    def __init__(self, luma: Luma) -> None:
        self._luma = luma
        self.size = luma.shape

    def luma(self) -> Luma:
        return self._luma

    def colour(self, largest_side: int) -> NDArray[np.uint8]:
        return np.repeat(self._luma[:largest_side, :largest_side, None], 3, axis=2)


class Told:
    """Keeps what the agent tells of incidents."""

    def __init__(self) -> None:
        self.events: list[IncidentEvent] = []

    def incident(self, event: IncidentEvent) -> None:
        self.events.append(event)

    def snapshot(self, snapshot: Snapshot) -> None: ...

    def camera_state(self, state: CameraState) -> None: ...

    def health(self, health: Health) -> None: ...


@pytest.fixture(scope="module")
def detector(tiny: Bundle) -> Iterator[Detector]:
    """The tiny bundle gives dark still pictures about 0.85 and white ones 0.55."""
    with closing(open_detector(tiny, target="onnx-float32")) as opened:
        yield opened


def make_frames(fps: float, fights: tuple[tuple[float, float], ...], seconds: float) -> Frames:
    """White pictures, and dark ones, the detector's fights, at the times of ``fights``."""
    times = np.arange(round(seconds * fps)) / fps
    levels = [50 if any(start <= time < end for start, end in fights) else 250 for time in times]
    return Frames(times, np.repeat(levels, SIZE * SIZE).reshape(-1, SIZE, SIZE).astype(np.uint8))


def run_agent(frames: Frames, detector: Detector, tiny: Bundle, policies: CameraPolicies) -> list[Incident]:
    """The same film through the agent's own camera path, judged frame by frame."""
    manifest = tiny.manifest
    told, now, ids = Told(), [0.0], itertools.count()
    maker = SampleMaker("a", policies.sampling, manifest.geometry, manifest.preprocessing)
    judge = Judge(detector, manifest.geometry, LARGEST_GAP_S, lambda: now[0])
    seen = Watch(
        "a",
        lambda: policies,
        told,
        clock=lambda: now[0],
        wall=lambda: START + timedelta(seconds=now[0]),
        make_id=lambda: str(next(ids)),
    )
    for time_s, luma in zip(frames.times_s, frames.shrunk, strict=True):
        now[0] = float(time_s)
        for judgement in judge.judge(maker.make(Frame(now[0], 0, Shown(luma)), now[0])):
            maker.mode = seen.judge(judgement)
            most_hz = policies.sampling.most_hz(manifest.geometry, hurries=seen.hurries)
            maker.policy = slow_down(policies, 1.0, most_hz)
    seen.close()
    starts = {event.incident: event for event in told.events if event.phase == "started"}
    return [
        Incident(
            *((at - START).total_seconds() for at in (event.started_at, starts[event.incident].at, event.ended_at))
        )
        for event in told.events
        if event.phase == "ended" and event.ended_at is not None
    ]


@pytest.mark.parametrize("fps", [10.0, 12.5, 25.0])
@pytest.mark.parametrize("hold_s", [0.3, 1.0])
def test_a_film_is_watched_as_the_agent_would(detector: Detector, tiny: Bundle, fps: float, hold_s: float) -> None:
    frames = make_frames(fps, ((3.0, 6.0), (14.0, 14.4), (17.0, 22.0)), 24.0)
    policies = CameraPolicies(THRESHOLDS, incidents=IncidentPolicy(start_hold_s=hold_s))
    memory = Memory(frames, detector, tiny.manifest.geometry, tiny.manifest.preprocessing)
    watched = watch(memory, policies)
    expected = run_agent(frames, detector, tiny, policies)
    assert len(expected) == 2
    for found, real in zip(watched.incidents, expected, strict=True):
        assert (found.began_s, found.told_s, found.ended_s) == pytest.approx(
            (real.began_s, real.told_s, real.ended_s), abs=0.11
        )
    assert 0.2 < watched.awake_s / watched.seconds < 1
    assert watched.seconds == pytest.approx(24.0, abs=0.2)


def test_a_calm_film_is_glanced_at_only_and_raises_nothing(detector: Detector, tiny: Bundle) -> None:
    frames = make_frames(10.0, (), 12.0)
    memory = Memory(frames, detector, tiny.manifest.geometry, tiny.manifest.preprocessing)
    watched = watch(memory, CameraPolicies(THRESHOLDS))
    assert (watched.incidents, watched.samples, watched.awake_s) == ((), 6, 0.0)
    never = CameraPolicies(Thresholds(wake=0.0, alert=1.0, clear=1.0))
    assert watch(memory, never).awake_s > 10

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.policy import PolicyError
from edge_agent.sampling import Sampler, SamplingPolicy, Triple
from edge_agent.timeline import LARGEST_GAP_S, Timeline
from models.manifest import Geometry

GEOMETRY = Geometry(samples=8, rate_hz=10.0, frame_gap_s=0.1)


class Camera:
    """Feeds a sampler with times and checks that it only ever uses frames that it asked to keep."""

    def __init__(self, policy: SamplingPolicy | None = None) -> None:
        policy = policy or SamplingPolicy()
        self.timeline = Timeline(LARGEST_GAP_S)
        self.sampler = Sampler(policy, GEOMETRY)
        self.times: list[float] = []
        self.kept: set[float] = set()
        self.samples: list[Triple] = []

    def see(self, source_s: float, segment: int = 0) -> list[Triple]:
        tick = self.timeline.follow(source_s, segment, source_s)
        if tick is None:
            return []
        step = self.sampler.offer(tick)
        if step.take_previous:
            self.kept.add(self.times[-1])
        if step.take:
            self.kept.add(tick.time_s)
        self.times.append(tick.time_s)
        for sample in step.samples:
            assert {sample.before, sample.now, sample.after} <= self.kept
        self.kept = {time_s for time_s in self.kept if time_s >= step.needed_from}
        self.samples += step.samples
        return list(step.samples)

    def watch(self, start_s: float, seconds: float, fps: float) -> None:
        for index in range(round(seconds * fps)):
            self.see(start_s + index / fps)


@pytest.mark.parametrize("fps", [10, 12.5, 15, 25, 29.97, 60])
@pytest.mark.parametrize(("mode", "per_second"), [("idle", 0.5), ("alert", 10.0)])
def test_offer_keeps_its_rate_when_camera_runs_at_any_speed(fps: float, mode: str, per_second: float) -> None:
    camera = Camera()
    camera.sampler.mode = "alert" if mode == "alert" else "idle"
    camera.watch(0.0, 20.0, fps)
    assert len(camera.samples) == pytest.approx(20 * per_second, abs=4)
    steps = np.diff([sample.time_s for sample in camera.samples])
    assert steps == pytest.approx(np.full(len(steps), 1 / per_second))


@pytest.mark.parametrize("fps", [10, 15, 25, 30])
def test_offer_takes_nearest_frames_when_rate_does_not_divide(fps: float) -> None:
    camera = Camera()
    camera.sampler.mode = "alert"
    camera.watch(0.0, 5.0, fps)
    times = np.array(camera.times)
    for sample in camera.samples:
        for instant, chosen in zip((0.2, 0.1, 0.0), (sample.before, sample.now, sample.after), strict=True):
            best = np.abs(times - (sample.time_s - instant)).min()
            assert abs(chosen - (sample.time_s - instant)) == pytest.approx(best, abs=1e-9)


def test_offer_needs_few_frames_when_idle() -> None:
    camera = Camera()
    kept = set()
    for index in range(25 * 20):
        camera.see(index / 25)
        kept |= camera.kept
    assert len(kept) <= 3 * 11


def test_offer_looks_at_once_when_mode_rises() -> None:
    camera = Camera()
    camera.watch(0.0, 1.0, 25)
    camera.sampler.mode = "alert"
    camera.watch(1.0, 0.5, 25)
    after = [sample.time_s for sample in camera.samples if sample.time_s > 1.0]
    assert after[0] == pytest.approx(1.2, abs=0.05)


def test_offer_rests_when_mode_falls() -> None:
    camera = Camera()
    camera.sampler.mode = "alert"
    camera.watch(0.0, 3.0, 25)
    camera.sampler.mode = "idle"
    camera.watch(3.0, 10.0, 25)
    later = [sample.time_s for sample in camera.samples if sample.time_s > 3.3]
    assert np.diff(later) == pytest.approx(np.full(len(later) - 1, 2.0))


@pytest.mark.parametrize("jump", [-50.0, 3600.0], ids=["back", "forward"])
def test_offer_makes_no_sample_across_a_break_when_time_jumps(jump: float) -> None:
    camera = Camera()
    camera.sampler.mode = "alert"
    camera.watch(100.0, 2.0, 25)
    broken = len(camera.times)
    camera.watch(102.0 + jump, 2.0, 25)
    first_after = camera.times[broken]
    assert len(camera.samples) > 30
    for sample in camera.samples:
        assert sample.before >= first_after or sample.after < first_after


def test_offer_leaves_samples_out_when_frames_were_lost() -> None:
    camera = Camera()
    camera.sampler.mode = "alert"
    camera.watch(0.0, 2.0, 25)
    camera.watch(2.7, 2.0, 25)
    for sample in camera.samples:
        assert sample.after - sample.before == pytest.approx(0.2, abs=0.05)


@pytest.mark.parametrize("fps", [0.5, 1, 2, 5])
def test_offer_still_samples_when_camera_is_slow(fps: float) -> None:
    camera = Camera()
    camera.sampler.mode = "alert"
    camera.watch(0.0, 20.0, fps)
    assert len(camera.samples) >= 5
    assert all(first != second for first, second in itertools.pairwise(chosen(camera.samples)))


def chosen(samples: list[Triple]) -> list[tuple[float, float, float]]:
    return [(sample.before, sample.now, sample.after) for sample in samples]


@given(
    st.lists(
        st.tuples(st.floats(0.001, 0.3) | st.floats(-20, 20), st.sampled_from(["idle", "alert"]), st.integers(0, 30)),
        min_size=1,
        max_size=200,
    )
)
def test_offer_stays_in_order_and_within_one_run_when_input_is_wild(steps: list[tuple[float, str, int]]) -> None:
    camera, source_s, segment = Camera(), 0.0, 0
    for step_s, mode, chance in steps:
        source_s += step_s
        segment += chance == 0
        camera.sampler.mode = "alert" if mode == "alert" else "idle"
        before = len(camera.samples)
        camera.see(source_s, segment)
        for sample in camera.samples[before:]:
            assert sample.before <= sample.now <= sample.after
    times = [sample.time_s for sample in camera.samples]
    assert times == sorted(times)
    assert len(camera.kept) <= 64


@pytest.mark.parametrize(
    "figures",
    [
        {"idle_interval_s": 0.0},
        {"alert_rate_hz": -1.0},
        {"alert_rate_hz": 0.0},
        {"idle_interval_s": np.inf},
        {"full_glance_s": -1.0},
        {"steady_rate_hz": 0.0},
    ],
)
def test_policy_is_refused_when_figure_makes_no_sense(figures: dict[str, float]) -> None:
    with pytest.raises(PolicyError, match=next(iter(figures))):
        SamplingPolicy(**figures)


@pytest.mark.parametrize(("figures", "steady_hz"), [({}, GEOMETRY.rate_hz), ({"steady_rate_hz": 9.0}, 9.0)])
def test_no_more_than_windows_have_is_worth_taking_until_a_verdict_is_waited_for(
    figures: dict[str, float], steady_hz: float
) -> None:
    policy = SamplingPolicy(alert_rate_hz=20.0, **figures)
    assert policy.most_hz(GEOMETRY, hurries=True) == 20.0
    assert policy.most_hz(GEOMETRY, hurries=False) == steady_hz


@pytest.mark.parametrize(
    ("before", "after", "steps"),
    [
        (SamplingPolicy(), SamplingPolicy(), [2.0, 2.0, 2.0, 2.0]),
        (SamplingPolicy(8.0), SamplingPolicy(1.0), [4.9, 1.0, 1.0, 1.0]),
        (SamplingPolicy(2.0), SamplingPolicy(4.0), [2.0, 2.0, 2.0, 4.0]),
    ],
)
def test_policy_counts_at_once_when_shorter_and_from_the_next_sample_when_longer(
    before: SamplingPolicy, after: SamplingPolicy, steps: list[float]
) -> None:
    camera = Camera(before)
    camera.watch(0.0, 4.9, 10)
    camera.sampler.policy = after
    camera.watch(4.9, 20.0, 10)
    assert np.diff([sample.time_s for sample in camera.samples])[:4] == pytest.approx(steps)


def test_policy_changes_the_rate_of_an_alert_camera_without_a_pause() -> None:
    camera = Camera()
    camera.sampler.mode = "alert"
    camera.watch(0.0, 3.0, 20)
    camera.sampler.policy = SamplingPolicy(alert_rate_hz=5.0)
    camera.watch(3.0, 3.0, 20)
    camera.sampler.policy = SamplingPolicy(alert_rate_hz=10.0)
    camera.watch(6.0, 3.0, 20)
    steps = np.diff([sample.time_s for sample in camera.samples])
    assert set(np.round(steps, 6)) == {0.1, 0.2}
    assert len(camera.samples) == pytest.approx(30 + 15 + 30, abs=4)

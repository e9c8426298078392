from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks.films import Frames
from benchmarks.replay import Memory
from benchmarks.replay import watch as watch_as_the_agent
from builder.alarms.film import JudgedFilm
from builder.alarms.rule import AlarmRule
from builder.alarms.watching import watch, watch_under_all
from builder.data.decode import DecodedClip
from edge_agent.camera_policies import CameraPolicies
from edge_agent.sampling import SamplingPolicy
from models.manifest import Geometry, Preprocessing, Thresholds
from runtimes.pair import probability

RULE = AlarmRule()
GEOMETRY = Geometry(samples=8, rate_hz=5.0, frame_gap_s=0.1)
SEEN = Preprocessing(size=(8, 8), difference_gain=3.0, mean=127.5, scale=127.5)
TEMPERATURE = 1.3


class Moody:
    """Judges by the brightness of a window's samples, and a little by which samples they are, so that another window of
    the same film is judged otherwise. It counts what it is asked."""

    def __init__(self) -> None:
        self.encoded = 0

    def encode(self, samples: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.encoded += len(samples)
        shades = [hashlib.blake2s(sample.tobytes(), digest_size=1).digest()[0] / 255 for sample in samples]
        bright = samples[..., 0].mean(axis=(1, 2)) / 255
        return np.stack([bright, np.array(shades)], axis=1).astype(np.float32)

    def logits(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        margins = 12 * (windows[:, :, 0].mean(axis=1) - 0.5) + 3 * (windows[:, :, 1].mean(axis=1) - 0.5)
        return np.stack([np.zeros_like(margins), margins], axis=1)

    def judge(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        return probability(self.logits(windows), TEMPERATURE)


def make_film(stretches: list[tuple[float, int]], fps: float, seed: int) -> DecodedClip:
    """Grainy pictures as bright as each of the stretches, of so many seconds, asks."""
    levels = np.repeat([level for _, level in stretches], [max(1, round(fps * seconds)) for seconds, _ in stretches])
    grain = np.random.default_rng(seed).integers(-20, 21, (len(levels), 8, 8))
    return DecodedClip(np.arange(len(levels)) / fps, np.clip(levels[:, None, None] + grain, 0, 255).astype(np.uint8))


thresholds = st.builds(
    lambda wake, alert, clear: Thresholds(wake=min(wake, alert), alert=alert, clear=min(clear, alert)),
    st.sampled_from([0.2, 0.4, 0.6]),
    st.sampled_from([0.5, 0.7, 0.9]),
    st.sampled_from([0.1, 0.45, 0.6]),
)
films = st.lists(st.tuples(st.sampled_from([0.3, 1.0, 3.0, 7.0]), st.sampled_from([30, 110, 150, 220])), max_size=9)


@settings(max_examples=150, deadline=None)
@given(films, thresholds, st.sampled_from([10.0, 12.5, 15.0, 25.0]), st.sampled_from([0.1, 0.15]), st.integers(0, 99))
def test_alarms_are_raised_when_the_agents_own_parts_raise_them(
    stretches: list[tuple[float, int]], chosen: Thresholds, fps: float, gap_s: float, seed: int
) -> None:
    geometry = Geometry(samples=8, rate_hz=5.0, frame_gap_s=gap_s)
    film = make_film([(2.5, 30), *stretches], fps, seed)
    judged = JudgedFilm(film, Moody(), TEMPERATURE, geometry, SEEN)
    memory = Memory(Frames(*film), Moody(), geometry, SEEN)
    expected = watch_as_the_agent(memory, CameraPolicies(chosen))
    seen = watch(judged, chosen, RULE)
    assert seen.alarms_s == pytest.approx([one.told_s for one in expected.incidents])
    assert seen.awake_s == pytest.approx(expected.awake_s)


def test_an_idle_camera_is_looked_at_every_two_seconds_only() -> None:
    scorer = Moody()
    film = JudgedFilm(make_film([(20.0, 30)], 10.0, 1), scorer, 1.0, GEOMETRY, SEEN)
    seen = watch(film, Thresholds(wake=0.4, alert=0.7, clear=0.5), RULE)
    assert (seen.alarms_s, seen.awake_s) == ((), 0.0)
    assert seen.highest < 0.4
    assert scorer.encoded == 10


@pytest.mark.parametrize(("steady_rate_hz", "a_second"), [(None, 5.0), (7.0, 7.0), (20.0, 10.0)])
def test_a_camera_in_doubt_is_looked_at_at_its_steady_rate_as_the_agent_does(
    steady_rate_hz: float | None, a_second: float
) -> None:
    doubt = Thresholds(wake=0.1, alert=0.9, clear=0.8)
    film, scorer = make_film([(2.5, 30), (20.0, 120)], 20.0, 3), Moody()
    seen = watch(JudgedFilm(film, scorer, TEMPERATURE, GEOMETRY, SEEN), doubt, AlarmRule(steady_rate_hz=steady_rate_hz))
    policies = CameraPolicies(doubt, sampling=SamplingPolicy(steady_rate_hz=steady_rate_hz))
    expected = watch_as_the_agent(Memory(Frames(*film), Moody(), GEOMETRY, SEEN), policies)
    assert scorer.encoded == expected.samples
    assert seen.awake_s == pytest.approx(expected.awake_s)
    assert seen.awake_s > 15
    assert scorer.encoded == pytest.approx(seen.awake_s * a_second, rel=0.05)


def test_a_film_is_watched_under_each_of_the_thresholds_and_no_oftener_than_needed() -> None:
    wakes = (0.3, 0.3, 0.3, 0.3, 0.2)
    asked = [
        Thresholds(wake=wake, alert=alert, clear=wake)
        for wake, alert in zip(wakes, (0.5, 0.8, 0.98, 0.99, 0.5), strict=True)
    ]
    film = make_film([(4.0, 30), (6.0, 150), (8.0, 30), (6.0, 220), (8.0, 30)], 10.0, 2)
    judged = JudgedFilm(film, Moody(), 1.0, GEOMETRY, SEEN)
    found = watch_under_all("yard", judged, asked, RULE)
    assert (found.name, found.seconds) == ("yard", film.times_s[-1])
    assert found.alarms_s == tuple(watch(judged, one, RULE).alarms_s for one in asked)
    assert [len(raised) for raised in found.alarms_s] == [2, 1, 1, 0, 2]
    assert all(6 < awake_s < 32 for awake_s in found.awake_s)


@settings(max_examples=40, deadline=None)
@given(films, st.sampled_from([0.2, 0.4]), st.integers(0, 99))
def test_a_film_is_watched_as_under_each_threshold_alone(
    stretches: list[tuple[float, int]], wake: float, seed: int
) -> None:
    asked = [Thresholds(wake=wake, alert=alert, clear=wake) for alert in (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97)]
    judged = JudgedFilm(make_film([(2.5, 30), *stretches], 10.0, seed), Moody(), 1.0, GEOMETRY, SEEN)
    found = watch_under_all("yard", judged, asked, RULE)
    alone = [watch(judged, one, RULE) for one in asked]
    assert found.alarms_s == tuple(one.alarms_s for one in alone)
    assert found.awake_s == tuple(one.awake_s for one in alone)

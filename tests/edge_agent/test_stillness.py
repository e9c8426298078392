from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.events import Mode
from edge_agent.frame import Frame
from edge_agent.sample import Sample, SampleMaker
from edge_agent.sampling import SamplingPolicy
from edge_agent.stillness import Stillness
from models.manifest import CloseUp, Preprocessing
from models.preprocessing import Luma, make_sample
from scenes import Act, Scene, SceneSpec
from tests.tiny_bundle import GEOMETRY

CANVAS = (240, 320)
MOTION = Preprocessing(
    size=(128, 128),
    close_up=CloseUp(canvas=CANVAS, share=0.4),
    channels=("acceleration",),
    difference_gain=4.0,
    mean=128.0,
    scale=128.0,
)
FPS = 10.0
GROUND: Luma = np.linspace(40, 200, CANVAS[0] * CANVAS[1]).reshape(CANVAS).astype(np.uint8)


def noisy(seed: int, spread: float = 4.0, gain: float = 1.0) -> Luma:
    noise = np.random.default_rng(seed).normal(0, spread, CANVAS)
    return np.clip(np.rint(GROUND * gain + noise), 0, 255).astype(np.uint8)


def with_box(picture: Luma, row: int, column: int, size: tuple[int, int], level: int) -> Luma:
    other = picture.copy()
    other[row : row + size[0], column : column + size[1]] = level
    return other


def look(pictures: Sequence[Luma], runs: Sequence[int] = (), full_glance_s: float = 1e9) -> list[bool]:
    """What is said of each, two seconds apart."""
    stillness = Stillness()
    return [
        stillness.is_still(2.0 * index, run, picture, full_glance_s)
        for index, (picture, run) in enumerate(itertools.zip_longest(pictures, runs, fillvalue=0))
        if isinstance(picture, np.ndarray)
    ]


def test_noise_and_a_light_that_changes_all_of_it_are_no_motion() -> None:
    assert look([noisy(1), noisy(2), noisy(3, gain=1.02), noisy(4)]) == [False, True, True, True]


def test_a_light_that_is_switched_is_worth_a_look() -> None:
    lit = [np.clip(noisy(seed).astype(int) + 12 * (seed == 3), 0, 255).astype(np.uint8) for seed in range(1, 6)]
    assert look(lit) == [False, True, False, False, True]


def test_a_clock_is_no_motion() -> None:
    clocks = [with_box(noisy(seed), 5, 8, (12, 16), 255 - 200 * (seed % 2)) for seed in range(4)]
    assert look(clocks) == [False, True, True, True]


@pytest.mark.parametrize(("row", "column"), [(100, 150), (0, 0), (96, 152), (210, 306)])
def test_somebody_an_eighth_of_the_picture_high_who_comes_goes_or_steps_aside_is_motion(row: int, column: int) -> None:
    person = (30, 11)
    there, aside = (
        with_box(noisy(5), row, at, person, int(GROUND[row, column]) ^ 64) for at in (column, abs(column - 8))
    )
    assert look([noisy(6), there, aside, noisy(7)]) == [False, False, False, False]


def test_nothing_is_known_of_before_a_break() -> None:
    assert look([noisy(1), noisy(2), noisy(3), noisy(4)], runs=[1, 1, 2, 2]) == [False, True, False, True]


def test_a_glance_is_made_in_full_now_and_then_though_nothing_moves() -> None:
    told = look([noisy(seed) for seed in range(12)], full_glance_s=8)
    assert told == [False, True, True, True] * 3


def test_with_0_every_glance_is_made_in_full() -> None:
    assert not any(look([noisy(1)] * 5, full_glance_s=0))


@dataclass(frozen=True, slots=True)
class Shown:
    picture: NDArray[np.uint8]

    @property
    def size(self) -> tuple[int, int]:
        return self.picture.shape[0], self.picture.shape[1]

    def luma(self) -> Luma:
        return self.picture if self.picture.ndim == 2 else self.picture.mean(axis=2).astype(np.uint8)

    def colour(self, largest_side: int) -> NDArray[np.uint8]:  # noqa: ARG002 as any image has it
        return self.picture


class Camera:
    """Gives a maker each picture that it needs, a tenth of a second apart."""

    def __init__(self, preprocessing: Preprocessing = MOTION, policy: SamplingPolicy | None = None) -> None:
        self.maker = SampleMaker("yard", policy or SamplingPolicy(), GEOMETRY, preprocessing)
        self.samples: list[Sample] = []
        self.decoded: list[float] = []
        self._paused = False

    def show(self, pictures: Iterator[NDArray[np.uint8]] | Sequence[NDArray[np.uint8]], start_s: float = 0.0) -> None:
        for index, picture in enumerate(pictures):
            time_s = start_s + index / FPS
            if not self.maker.needs(time_s, key=index % 20 == 0):
                self._paused = True
                self.maker.let_go()
                continue
            self.decoded.append(time_s)
            self.samples += self.maker.make(Frame(time_s, 0, Shown(picture), paused=self._paused), time_s)
            self._paused = False


def stills(camera: Camera) -> list[bool]:
    return [sample.still for sample in camera.samples]


def test_a_glance_at_which_nothing_moved_needs_one_picture_and_comes_when_it_would_have_come() -> None:
    camera = Camera()
    camera.show([noisy(seed) for seed in range(121)])
    assert stills(camera) == [False] + [True] * 6
    assert camera.decoded[-6:] == pytest.approx([2, 4, 6, 8, 10, 12])
    assert len(camera.decoded) <= 10
    assert [sample.time_s for sample in camera.samples[1:]] == pytest.approx([2, 4, 6, 8, 10, 12])
    assert np.array_equal(camera.samples[0].pixels, make_sample(noisy(0), noisy(1), noisy(2), MOTION))
    assert all(sample.pixels is camera.samples[0].pixels for sample in camera.samples)
    assert {sample.source_s for sample in camera.samples[1:]} == set(camera.decoded[-6:])


def test_a_camera_that_is_awake_is_looked_at_in_full() -> None:
    camera = Camera()
    camera.show([noisy(seed) for seed in range(41)])
    camera.maker.mode = "alert"
    before = len(camera.samples)
    camera.show([noisy(seed) for seed in range(40)], start_s=4.1)
    assert len(camera.samples) - before >= 35
    assert not any(stills(camera)[before:])


def test_a_still_camera_is_judged_in_full_as_often_as_its_policy_says() -> None:
    camera = Camera(policy=SamplingPolicy(full_glance_s=6.0))
    camera.show([noisy(seed) for seed in range(241)])
    assert stills(camera)[:10] == [False, True, True, False, True, True, False, True, True, False]


def test_a_source_of_which_every_picture_is_read_is_glanced_at_in_short_too() -> None:
    camera = Camera()
    for index in range(121):
        time_s = index / FPS
        camera.samples += camera.maker.make(Frame(time_s, 0, Shown(noisy(index))), time_s)
    assert stills(camera) == [False] + [True] * 6
    times = [sample.time_s for sample in camera.samples]
    assert np.diff(times) == pytest.approx([2.0] * 6, abs=0.21)


def test_the_first_glance_after_a_camera_was_awake_is_made_in_full() -> None:
    camera = Camera()
    camera.show([noisy(seed) for seed in range(41)])
    camera.maker.mode = "alert"
    camera.show([noisy(seed) for seed in range(20)], start_s=4.1)
    camera.maker.mode = "idle"
    before = len(camera.samples)
    camera.show([noisy(seed) for seed in range(100)], start_s=6.1)
    glances = [sample for sample in camera.samples[before:] if sample.time_s > 6.5]
    assert [sample.still for sample in glances] == [False, True, True, True]
    assert glances[1].pixels is glances[0].pixels


def test_a_picture_that_is_frozen_is_told_of_though_its_glances_are_short() -> None:
    camera = Camera()
    camera.show([noisy(1)] * 401)
    assert sum(stills(camera)) > 15
    assert camera.maker.picture == "frozen"


@pytest.mark.parametrize("interval_s", [0.1, 0.15, 0.2, 0.25, 0.5])
def test_samples_rise_in_time_where_glances_all_but_overlap(interval_s: float) -> None:
    camera = Camera(policy=SamplingPolicy(idle_interval_s=interval_s))
    camera.show([noisy(seed) for seed in range(60)])
    times = [sample.time_s for sample in camera.samples]
    assert len(times) > 8
    assert np.all(np.diff(times) > 0)


def scene(seed: int, seconds: float, people: int, *acts: Act) -> Iterator[NDArray[np.uint8]]:
    spec = SceneSpec(seed=seed, fps=FPS, duration_s=seconds, people=people, acts=acts, noise=4.0, flicker=0.01)
    return (picture.image for picture in Scene(replace(spec, night=seed % 2 == 1)).frames())


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_scene_is_still_until_somebody_is_there_clock_noise_and_flicker_or_not(seed: int) -> None:
    empty, fight = Camera(), Camera()
    empty.show(scene(seed, 14, 0))
    # Once a minute more of the clock changes than its seconds.
    assert sum(stills(empty)) >= 5
    fight.show(scene(seed, 14, 2, Act(0.0, 14.0, (0, 1), "fight")))
    assert len(fight.samples) >= 6
    assert not any(stills(fight))


def test_mode_is_taken_while_a_short_glance_is_due() -> None:
    camera = Camera()
    for index in range(100):
        mode: Mode = "alert" if index % 7 == 3 else "idle"
        camera.maker.mode = mode
        camera.show([noisy(index)], start_s=index / FPS)
    times = [sample.time_s for sample in camera.samples]
    assert np.all(np.diff(times) > 0)

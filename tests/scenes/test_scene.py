from __future__ import annotations

import itertools
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from scenes.casting import random_spec
from scenes.errors import SceneError
from scenes.scene import Scene
from scenes.spec import Act, Activity, SceneSpec
from scenes.truth import Interval

CLEAN = {"noise": 0.0, "compression": 0.0, "flicker": 0.0, "overlay": False, "shadows": False}
SMALL = {"width": 320, "height": 180}


@pytest.mark.parametrize("place", ["yard", "corridor"])
@pytest.mark.parametrize("night", [False, True])
def test_frames_are_the_same_bytes_when_the_seed_is_the_same(place: str, night: bool) -> None:
    spec = replace(random_spec(3, fight=True, duration_s=2.0, fps=10, size=(320, 180)), place=place, night=night)
    first, second = Scene(spec), Scene(spec)
    forwards = [picture.image.tobytes() for picture in first.frames()]
    backwards = [second.frame(index).image.tobytes() for index in reversed(range(second.frame_count))]
    assert forwards == backwards[::-1]
    assert [picture.truth for picture in first.frames()] == [picture.truth for picture in second.frames()]


def test_frames_differ_when_the_seed_differs() -> None:
    one, other = (Scene(SceneSpec(seed, duration_s=1.0, **SMALL)).frame(0).image for seed in (1, 2))
    assert np.abs(one.astype(int) - other.astype(int)).mean() > 5


def test_the_place_stays_when_only_the_schedule_changes() -> None:
    spec = SceneSpec(5, people=2, duration_s=2.0, **SMALL, **CLEAN)
    calm = Scene(spec).frame(0)
    fight = Scene(replace(spec, acts=(Act(0, 2, (0, 1), "fight"),))).frame(0)
    outside = np.ones(calm.image.shape[:2], bool)
    for left, top, right, bottom in (one.box for one in (*calm.truth.people, *fight.truth.people)):
        outside[top:bottom, left:right] = False
    assert outside.any()
    # The lens' softness reaches one pixel past a box.
    assert (np.abs(calm.image.astype(int) - fight.image)[outside] > 8).mean() < 0.002


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("activity", ["fight", "run", "dance", "hug", "play", "fall", "walk"])
def test_all_that_moves_lies_within_boxes_when_the_picture_is_clean(seed: int, activity: Activity) -> None:
    people = {"run": (0,), "dance": (0,), "fall": (0,), "walk": (0,)}.get(activity, (0, 1))
    place = "yard" if seed % 2 else "corridor"
    acts = (Act(0, 3, people, activity),)
    scene = Scene(SceneSpec(seed, place, people=3, duration_s=3, fps=10, acts=acts, **SMALL, **CLEAN))
    empty = Scene(SceneSpec(seed, place, people=0, duration_s=3, fps=10, **SMALL, **CLEAN)).frame(0).image
    for picture in scene.frames():
        drawn = np.abs(picture.image.astype(int) - empty).max(axis=2) > 12
        inside = np.zeros_like(drawn)
        for person in picture.truth.people:
            left, top, right, bottom = person.box
            assert 0 <= left < right <= scene.width
            assert 0 <= top < bottom <= scene.height
            inside[top:bottom, left:right] = True
            # A box is no larger than it must be: something is drawn at each of its sides, one pixel of grace.
        assert not (drawn & ~inside).any()


def test_a_box_is_tight_when_one_person_stands_free() -> None:
    spec = SceneSpec(11, people=1, duration_s=2, acts=(Act(0, 2, (0,), "stand"),), **CLEAN)
    picture, empty = Scene(spec).frame(0), Scene(replace(spec, people=0, acts=())).frame(0)
    rows, columns = np.nonzero(np.abs(picture.image.astype(int) - empty.image).max(axis=2) > 6)
    left, top, right, bottom = picture.truth.people[0].box
    found = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert np.abs(np.subtract(found, (left, top, right, bottom))).max() <= 5


def test_truth_says_fight_exactly_within_the_schedule_when_two_fights_are_scheduled() -> None:
    acts = (Act(1.5, 3.2, (0, 2), "fight"), Act(4.0, 5.0, (1, 2), "fight"), Act(3.2, 4.0, (0,), "run"))
    scene = Scene(SceneSpec(9, people=3, duration_s=6, fps=20, acts=acts, width=160, height=90))
    assert scene.fights == (Interval(1.5, 3.2), Interval(4.0, 5.0))
    for index in range(scene.frame_count):
        truth, time_s = scene.frame(index).truth, index / 20
        fighters = {one.id for one in truth.people if one.activity == "fight"}
        expected = {0, 2} if 1.5 <= time_s < 3.2 else {1, 2} if 4.0 <= time_s < 5.0 else set()
        assert truth.fighting == bool(expected)
        assert fighters == expected & {one.id for one in truth.people}


@pytest.mark.parametrize("seed", range(30))
def test_fighters_are_in_the_picture_when_they_fight(seed: int) -> None:
    scene = Scene(random_spec(seed, fight=True, duration_s=3.0, fps=10, size=(160, 90)))
    for picture in scene.frames():
        boxes = [one.box for one in picture.truth.people if one.activity == "fight"]
        assert len(boxes) >= 2
        assert all((right - left) * (bottom - top) > 100 for left, top, right, bottom in boxes)


def test_a_fight_moves_more_and_less_evenly_than_other_acts_when_all_else_is_equal() -> None:
    motion = {activity: _motion(activity) for activity in ("fight", "stand", "hug", "dance")}
    for calm in ("stand", "hug"):
        assert motion["fight"] > 2 * motion[calm]
    assert motion["fight"] > motion["dance"]


def test_a_picture_has_the_shape_and_time_that_its_scene_says() -> None:
    scene = Scene(SceneSpec(1, duration_s=1.0, fps=12.5, width=322, height=182))
    picture = scene.frame(5)
    assert picture.image.shape == (182, 322, 3)
    assert picture.image.dtype == np.uint8
    assert picture.time_s == pytest.approx(0.4)
    assert scene.frame_count == 12


@pytest.mark.parametrize("index", [-1, 10, 1000])
def test_frame_is_refused_when_it_lies_outside(index: int) -> None:
    with pytest.raises(SceneError, match=f"frame {index} of a scene of 10 frames; ask for 0-9"):
        Scene(SceneSpec(1, duration_s=1, fps=10, **SMALL)).frame(index)


def test_a_scene_starts_again_when_it_loops() -> None:
    scene = Scene(SceneSpec(1, duration_s=1, fps=10, loop=True, **SMALL, **CLEAN))
    again = scene.frame(13)
    assert again.time_s == pytest.approx(1.3)
    assert np.array_equal(again.image, scene.frame(3).image)
    assert again.truth == scene.frame(3).truth


@pytest.mark.parametrize("condition", [{"noise": 12.0}, {"compression": 0.9}, {"flicker": 0.2}, {"overlay": True}])
def test_a_condition_changes_the_picture_when_it_is_set(condition: dict[str, float]) -> None:
    spec = SceneSpec(4, people=0, duration_s=1, fps=10, **SMALL, **CLEAN)
    clean, marred = Scene(spec).frame(3).image, Scene(replace(spec, **condition)).frame(3).image  # type: ignore[arg-type]
    assert not np.array_equal(clean, marred)


def test_night_is_darker_than_day_when_the_place_is_the_same() -> None:
    day, night = (Scene(SceneSpec(8, duration_s=1, night=night, **SMALL)).frame(0).image for night in (False, True))
    assert night.mean() < 0.8 * day.mean()


def _motion(activity: Activity) -> float:
    """Mean absolute difference over 0.1 s at 128 px, over several clean scenes."""
    people = (0,) if activity in {"stand", "dance"} else (0, 1)
    found = []
    for seed in range(4):
        acts = (Act(0, 4, people, activity),)
        spec = SceneSpec(seed, people=len(people), duration_s=4, fps=10, acts=acts, **SMALL, **CLEAN)
        frames = [_small(picture.image) for picture in Scene(spec).frames()]
        found += [float(np.abs(b - a).mean()) / len(people) for a, b in itertools.pairwise(frames)]
    return float(np.mean(found))


def _small(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    grey = cv2.cvtColor(cv2.resize(image, (128, 128), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    return np.asarray(grey, dtype=np.float64)

from __future__ import annotations

import re
from typing import Any

import pytest

from scenes.casting import random_spec
from scenes.errors import SceneError
from scenes.spec import Act, SceneSpec, merge
from scenes.truth import Interval


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seed": -1}, "seed is -1"),
        ({"place": "moon"}, "place is 'moon'; choose one of yard, corridor"),
        ({"width": 10}, "width is 10; give a value from 64 to 3840"),
        ({"height": 9000}, "height is 9000"),
        ({"fps": 0.5}, "fps is 0.5; give a value from 1 to 60"),
        ({"duration_s": 0.1}, "duration is 0.1"),
        ({"people": 13}, "people is 13; give a value from 0 to 12"),
        ({"noise": -1.0}, "noise is -1"),
        ({"compression": 1.5}, "compression is 1.5; give a value from 0 to 1"),
        ({"flicker": 1.0}, "flicker is 1"),
        ({"acts": (Act(2, 2, (0, 1), "fight"),)}, "fight 2-2 does not lie within the scene"),
        ({"acts": (Act(50, 61, (0, 1), "fight"),)}, "give start < end within 0-60 s"),
        ({"acts": (Act(-1, 5, (0,), "walk"),)}, "walk -1-5 does not lie"),
        ({"acts": (Act(0, 5, (0,), "fight"),)}, "it takes 2 to 4 different ids"),
        ({"acts": (Act(0, 5, (1, 1), "hug"),)}, "it takes 2 to 2 different ids"),
        ({"acts": (Act(0, 5, (0, 4), "fight"),)}, "ids run from 0 to 3"),
        ({"acts": (Act(0, 5, (0,), "sleep"),)}, "activity is 'sleep'; choose one of stand"),
        ({"acts": (Act(0, 5, (0, 1), "fight"), Act(4, 9, (1,), "run"))}, "person 1 is in fight 0-5 and in run 4-9"),
    ],
)
def test_spec_is_refused_with_what_is_allowed_when_a_setting_is_wrong(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SceneError, match=re.escape(message)):
        SceneSpec(**{"seed": 1, **settings})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((), ()),
        (((5, 7), (1, 2)), ((1, 2), (5, 7))),
        (((1, 4), (3, 6), (6, 8)), ((1, 8),)),
        (((1, 9), (2, 3)), ((1, 9),)),
    ],
)
def test_merge_joins_intervals_when_they_touch(
    given: tuple[tuple[float, float], ...], expected: tuple[tuple[float, float], ...]
) -> None:
    assert merge(tuple(Interval(*one) for one in given)) == tuple(Interval(*one) for one in expected)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("duration_s", [2.0, 60.0, 300.0])
def test_random_spec_has_a_fight_exactly_when_asked(seed: int, duration_s: float) -> None:
    assert random_spec(seed, fight=True, duration_s=duration_s).fights
    assert random_spec(seed, fight=False, duration_s=duration_s).fights == ()


def test_random_spec_covers_a_short_clip_with_its_act_when_it_is_a_clip() -> None:
    for seed in range(20):
        assert random_spec(seed, fight=True, duration_s=3.0).fights == (Interval(0.0, 3.0),)


def test_random_spec_draws_every_calm_activity_both_places_and_both_lights_when_many_are_drawn() -> None:
    specs = [random_spec(seed, fight=False, duration_s=4.0) for seed in range(200)]
    assert {act.activity for spec in specs for act in spec.acts} == {
        "stand", "walk", "run", "dance", "hug", "play", "fall",
    }  # fmt: skip
    assert {spec.place for spec in specs} == {"yard", "corridor"}
    assert {spec.night for spec in specs} == {True, False}
    assert max(spec.people for spec in specs) >= 8
    assert min(spec.fps for spec in specs) == 10
    assert max(spec.fps for spec in specs) == 30

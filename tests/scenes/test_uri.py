from __future__ import annotations

import re

import pytest

from scenes.errors import SceneError
from scenes.scene import Scene
from scenes.spec import SceneSpec
from scenes.truth import Interval
from scenes.uri import open_scene, parse_scene
from scenes.wall import Wall, WallSpec


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("scene:yard", {"place": "yard", "seed": 0, "width": 640, "height": 360, "fps": 15.0, "loop": False}),
        ("scene:corridor?seed=9", {"place": "corridor", "seed": 9}),
        (
            "scene:yard?seed=7&fight=12-20&fps=15&night=1&people=4&duration=60&loop=0",
            {"seed": 7, "fights": (Interval(12, 20),), "fps": 15.0, "night": True, "people": 4, "duration_s": 60.0},
        ),
        ("scene:yard?fight=3-8,20.5-30", {"fights": (Interval(3, 8), Interval(20.5, 30))}),
        ("scene:yard?fight=none", {"fights": (), "acts": ()}),
        ("scene:yard?seed=3&people=0", {"people": 0, "acts": ()}),
        ("scene:yard?size=320x240&noise=0&compression=0.5", {"width": 320, "noise": 0.0, "compression": 0.5}),
        ("scene:yard?loop=1&overlay=0&shadows=0", {"loop": True, "overlay": False, "shadows": False}),
        ("scene:yard?name=Gate%203", {"name": "Gate 3"}),
        ("scene:yard?fps=12.5&flicker=0.1", {"fps": 12.5, "flicker": 0.1}),
    ],
)
def test_parse_scene_gives_what_the_uri_says(uri: str, expected: dict[str, object]) -> None:
    spec = parse_scene(uri)
    assert isinstance(spec, SceneSpec)
    assert {name: getattr(spec, name) for name in expected} == expected


def test_parse_scene_casts_acts_without_overlap_when_several_are_at_once() -> None:
    spec = parse_scene("scene:yard?people=5&fight=5-15&hug=6-12&walk=4-20")
    assert isinstance(spec, SceneSpec)
    assert sorted(act.activity for act in spec.acts) == ["fight", "hug", "walk"]


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("rtsp://x", "'rtsp://x' is not a scene; write scene:yard, scene:corridor or scene:wall"),
        ("scene:", "is set in ''; choose one of yard, corridor, wall"),
        ("scene:moon", "is set in 'moon'"),
        ("scene:yard?colour=red", "unknown setting 'colour'; known are seed, fps"),
        ("scene:yard?rows=2", "unknown setting 'rows'"),
        ("scene:yard?seed=1&seed=2", "seed is given twice"),
        ("scene:yard?seed", "is no list of settings; write key=value&key=value"),
        ("scene:yard?seed=x", "seed='x' is no number; give a value from 0"),
        ("scene:yard?seed=1.5", "seed='1.5' is no number"),
        ("scene:yard?seed=-1", "seed=-1 is out of range"),
        ("scene:yard?fps=0", "fps=0 is out of range; give a value from 1 to 60"),
        ("scene:yard?fps=nan", "fps=nan is out of range"),
        ("scene:yard?duration=inf", "duration=inf is out of range"),
        ("scene:yard?people=99", "people=99 is out of range; give a value from 0 to 12"),
        ("scene:yard?night=yes", "night='yes' is no switch; write night=0 or night=1"),
        ("scene:yard?size=big", "size='big' is no size; write size=640x360"),
        ("scene:yard?size=10x10", "width is 10"),
        ("scene:yard?fight=12", "fight='12' is no list of times; write fight=12-20 or 3-8,12-20 or none"),
        ("scene:yard?fight=20-12", "fight 20-12 does not lie within the scene; give start < end within 0-60 s"),
        ("scene:yard?fight=50-70", "fight 50-70 does not lie within"),
        ("scene:yard?people=1&fight=5-9", "fight 5-9 takes 2 people, 1 of 1 are free then; raise people="),
        ("scene:yard?people=3&hug=5-9&play=6-8", "takes 2 people, 1 of 3 are free then"),
        ("scene:wall?rows=7", "rows=7 is out of range; give a value from 1 to 6"),
        ("scene:wall?rows=2&columns=2&cell=5", "cell=5 is out of range; give a value from 1 to 4"),
        ("scene:wall?place=yard", "unknown setting 'place'"),
    ],
)
def test_parse_scene_says_what_to_write_when_the_uri_is_wrong(uri: str, message: str) -> None:
    with pytest.raises(SceneError, match=re.escape(message)):
        parse_scene(uri)


def test_parse_scene_puts_the_fight_into_one_cell_when_a_wall_has_one() -> None:
    spec = parse_scene("scene:wall?rows=2&columns=3&seed=4&fight=5-9&cell=4&size=160x90&fps=10")
    assert isinstance(spec, WallSpec)
    assert (spec.rows, spec.columns) == (2, 3)
    assert [cell.fights for cell in spec.cells] == [(), (), (), (Interval(5, 9),), (), ()]
    assert [cell.seed for cell in spec.cells] == [4, 5, 6, 7, 8, 9]
    assert {(cell.width, cell.fps) for cell in spec.cells} == {(160, 10.0)}


@pytest.mark.parametrize(
    ("uri", "kind", "size"),
    [
        ("scene:corridor?size=160x90&duration=2", Scene, (160, 90)),
        ("scene:wall?rows=2&columns=2&border=4&size=160x90&duration=2", Wall, (324, 184)),
    ],
)
def test_open_scene_draws_what_the_uri_names(uri: str, kind: type, size: tuple[int, int]) -> None:
    footage = open_scene(uri)
    assert isinstance(footage, kind)
    assert footage.frame(0).image.shape == (size[1], size[0], 3)

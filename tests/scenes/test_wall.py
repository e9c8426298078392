from __future__ import annotations

import numpy as np
import pytest

from scenes.errors import SceneError
from scenes.scene import Scene
from scenes.spec import Act, SceneSpec
from scenes.truth import Interval
from scenes.wall import IDS_A_CELL, Wall


def _specs(count: int, **settings: float) -> list[SceneSpec]:
    kept = {"width": 96, "height": 64, "fps": 10.0, "duration_s": 2.0, "people": 2, **settings}
    return [SceneSpec(seed=seed, **kept) for seed in range(count)]  # type: ignore[arg-type]


@pytest.mark.parametrize(("rows", "columns", "border"), [(2, 2, 2), (1, 3, 0), (6, 2, 5)])
def test_every_cell_shows_its_own_scene_when_a_wall_is_drawn(rows: int, columns: int, border: int) -> None:
    specs = _specs(rows * columns)
    wall = Wall(specs, rows, columns, border=border, labels=False)
    picture = wall.frame(7)
    assert picture.image.shape == (rows * 64 + (rows - 1) * border, columns * 96 + (columns - 1) * border, 3)
    covered = np.zeros(picture.image.shape[:2], int)
    for spec, (left, top, right, bottom), truth in zip(specs, wall.boxes, picture.truth.cells, strict=True):
        own = Scene(spec).frame(7)
        assert np.array_equal(picture.image[top:bottom, left:right], own.image)
        assert truth == own.truth
        covered[top:bottom, left:right] += 1
    assert covered.max() == 1
    assert (picture.image[covered == 0] == 0).all()


def test_people_of_a_wall_have_boxes_within_their_cell_and_ids_of_their_own() -> None:
    wall = Wall(_specs(4), 2, 2)
    people = wall.frame(3).truth.people
    assert len({one.id for one in people}) == len(people) > 0
    for one in people:
        left, top, right, bottom = wall.boxes[one.id // IDS_A_CELL]
        assert left <= one.box[0] < one.box[2] <= right
        assert top <= one.box[1] < one.box[3] <= bottom


def test_a_wall_fights_when_any_cell_does() -> None:
    specs = _specs(4)
    specs[1] = SceneSpec(1, "yard", 96, 64, 10.0, 2.0, 2, (Act(0.5, 1.0, (0, 1), "fight"),))
    specs[2] = SceneSpec(2, "yard", 96, 64, 10.0, 2.0, 2, (Act(0.8, 1.5, (0, 1), "fight"),))
    wall = Wall(specs, 2, 2)
    assert wall.fights == (Interval(0.5, 1.5),)
    shown = [[cell.fighting for cell in picture.truth.cells] for picture in wall.frames()]
    assert shown[4] == [False] * 4
    assert shown[6] == [False, True, False, False]
    assert shown[9] == [False, True, True, False]
    assert [picture.truth.fighting for picture in wall.frames()] == [any(cells) for cells in shown]


def test_labels_are_written_when_asked_for() -> None:
    plain, labelled = (Wall(_specs(4), 2, 2, labels=labels).frame(0).image for labels in (False, True))
    for left, top, right, bottom in Wall(_specs(4), 2, 2).boxes:
        assert not np.array_equal(plain[top:bottom, left:right], labelled[top:bottom, left:right])


@pytest.mark.parametrize(
    ("specs", "rows", "columns", "border", "message"),
    [
        (_specs(3), 2, 2, 2, "3 cameras for 2x2 cells; give one for each cell"),
        (_specs(7), 7, 1, 2, "rows is 7; give a value from 1 to 6"),
        ([], 0, 2, 2, "rows is 0"),
        (_specs(4), 2, 2, 65, "border is 65; give a value from 0 to 64"),
        ([*_specs(3), *_specs(1, width=128)], 2, 2, 2, "the cells differ in size, fps, duration or loop"),
        ([*_specs(3), *_specs(1, fps=12.0)], 2, 2, 2, "the cells differ"),
    ],
)
def test_a_wall_is_refused_when_its_cells_do_not_fit(
    specs: list[SceneSpec], rows: int, columns: int, border: int, message: str
) -> None:
    with pytest.raises(SceneError, match=message):
        Wall(specs, rows, columns, border=border)

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from builder.quality.clip_hash import APART, ClipHash, HashTable
from builder.quality.inspection import inspect_clip
from builder.quality.thresholds import Quality
from tests.builder.quality.drawn_clips import draw, write


def table(path: Path) -> HashTable:
    return HashTable(inspect_clip(path.name, path).hashes)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> HashTable:
    return table(write(tmp_path_factory.mktemp("original") / "a.mp4", draw(1, 1)))


@pytest.mark.parametrize(
    ("skipped", "every", "size", "crf"),
    [(0, 1, (192, 144), 18), (0, 1, (96, 72), 34), (12, 1, (128, 96), 26), (7, 2, (160, 120), 26)],
)
def test_a_copy_is_near_when_it_is_cut_later_scaled_thinned_and_coded_anew(
    original: HashTable, tmp_path: Path, skipped: int, every: int, size: tuple[int, int], crf: int
) -> None:
    frames = draw(1, 1)[skipped::every]
    path = write(tmp_path / "copy.mp4", frames, size=size, crf=crf, rate=Fraction(25, every))
    distance = original.distance(table(path))
    assert distance.pictures <= Quality().same_pictures / 2
    assert distance.changes <= Quality().same_changes
    assert distance.shift_s == pytest.approx(-skipped / 25, abs=0.07)


def test_one_camera_shows_like_pictures_and_other_changes_when_others_act(original: HashTable, tmp_path: Path) -> None:
    distance = original.distance(table(write(tmp_path / "b.mp4", draw(1, 2))))
    assert distance.changes > 18
    assert original.nearest(table(write(tmp_path / "c.mp4", draw(1, None)))) < 20


def test_other_places_are_far_apart(original: HashTable, tmp_path: Path) -> None:
    other = table(write(tmp_path / "b.mp4", draw(2, 1)))
    assert original.nearest(other) > 8
    assert original.distance(other).pictures > 16


def test_a_still_clip_has_no_changes_to_compare(tmp_path: Path) -> None:
    still = table(write(tmp_path / "a.mp4", draw(1, None)))
    distance = still.distance(still)
    assert distance.pictures == 0
    assert distance.changes == 64


def test_clips_of_one_frame_are_apart() -> None:
    single = HashTable(ClipHash((0.0,), (5,), (None,)))
    assert single.distance(single) == APART

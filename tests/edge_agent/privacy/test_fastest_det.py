from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from benchmarks.marked_heads import read_marks, read_moments, score
from edge_agent.privacy.errors import DetectorError
from edge_agent.privacy.fastest_det import open_fastest_det
from edge_agent.privacy.head_finder import find_head_zones
from edge_agent.privacy.weights import Weights
from tests.edge_agent.privacy.weights import FASTEST_DET, SHARED, needs_weights


def test_heads_are_the_top_of_who_stands_and_all_of_who_bends() -> None:
    standing, bending = find_head_zones(np.array([[100, 100, 200, 400], [0, 0, 300, 150]], np.float32))
    np.testing.assert_allclose(standing, [95, 95.5, 205, 194.5], atol=0.6)
    np.testing.assert_allclose(bending, [-15, -7.5, 315, 157.5])
    assert find_head_zones(np.zeros((0, 4), np.float32)).shape == (0, 4)


@needs_weights
def test_most_heads_of_people_who_walk_are_found() -> None:
    if not (SHARED / "data" / "footage").is_dir():
        pytest.skip(f"no clips at {SHARED / 'data'}")
    finder = open_fastest_det(FASTEST_DET)
    marks = [one for one in read_marks("chosen") if one.clip.endswith("vtest.avi")]
    pictures = {mark: next(shown for at_s, shown in read_moments(SHARED / "data", mark) if at_s == 0) for mark in marks}
    found = score("", marks, lambda mark: (finder.find(pictures[mark], closely=True), pictures[mark].shape[:2], 0.0))
    assert sum(found.heads) == 18
    assert sum(found.hidden) >= 14
    assert found.area < 0.2


@needs_weights
def test_nothing_is_found_where_nobody_is() -> None:
    finder = open_fastest_det(FASTEST_DET)
    wall = np.full((480, 640, 3), 130, np.uint8)
    for closely in (False, True):
        assert finder.find(wall, closely=closely).shape == (0, 4)


def test_weights_are_named_with_their_address_when_they_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        DetectorError, match=r"none\.onnx: cannot be read: No such file.*FastestDet\.onnx from https://"
    ):
        open_fastest_det(tmp_path / "none.onnx")


def test_another_file_is_refused_by_its_hash(tmp_path: Path) -> None:
    (tmp_path / "other.onnx").write_bytes(b"other")
    with pytest.raises(DetectorError, match=hashlib.sha256(b"other").hexdigest()):
        open_fastest_det(tmp_path / "other.onnx")


def test_the_right_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"right")
    weights = Weights("right", "https://example.org", hashlib.sha256(b"right").hexdigest(), "MIT")
    assert weights.read(tmp_path / "file") == b"right"

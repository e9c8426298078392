from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.cover import Cover
from edge_agent.frame import Image
from edge_agent.snapshot import SnapshotPolicy, encode_snapshot
from tests.edge_agent.films import write_film
from tests.edge_agent.privacy.finding import BrokenFinder, FixedFinder
from tests.edge_agent.test_sample import frames_of

SIZE = (240, 320)
# Where the head is drawn: 64 pixels high.
HEAD = (0.4, 0.2, 0.6, 0.2 + 64 / 240)


def draw_head() -> NDArray[np.uint8]:
    """A grey wall with a face, which has eyes, a nose, a mouth and freckles that tell it from any other."""
    picture = np.full((*SIZE, 3), 120, np.uint8)
    random = np.random.default_rng(4)
    cv2.ellipse(picture, (160, 80), (24, 32), 0, 0, 360, (150, 170, 220), -1)
    for x in (150, 170):
        cv2.circle(picture, (x, 72), 4, (20, 20, 20), -1)
    cv2.line(picture, (160, 76), (160, 88), (90, 110, 150), 2)
    cv2.ellipse(picture, (160, 98), (10, 4), 0, 0, 360, (60, 60, 180), -1)
    for x, y in random.integers((145, 60), (176, 100), (30, 2)).tolist():
        cv2.circle(picture, (x, y), 1, (60, 90, 140), -1)
    return picture


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return frames_of(write_film(tmp_path / "film.mp4", [draw_head()] * 3, size=SIZE))[0].image


def detail(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What is finer than a third of the head, where the head is."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)[52:108, 138:182].astype(np.float32)
    return grey - cv2.GaussianBlur(grey, (0, 0), 10)


def test_a_face_is_unrecognisable_in_a_snapshot_and_all_else_is_as_it_was(image: Image) -> None:
    finder = FixedFinder(HEAD)
    jpeg = encode_snapshot(Cover(heads=finder).cover(image), 0.9, SnapshotPolicy())
    shown = np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)
    before = image.colour(1280)
    hidden, face = detail(shown), detail(before)
    alike = float((hidden * face).sum() / (np.linalg.norm(hidden) * np.linalg.norm(face)))
    assert alike < 0.5
    # No more than one level for each sixteenth of the head's height is left.
    zone = cv2.cvtColor(shown, cv2.COLOR_BGR2GRAY)[48:112, 128:192].astype(np.float32)
    cells = zone.reshape(4, 16, 4, 16).transpose(0, 2, 1, 3).reshape(16, -1)
    assert cells.std(axis=1).max() < 6
    assert np.abs(shown[130:].astype(int) - before[130:].astype(int)).max() < 20


def test_heads_are_looked_for_once_whatever_sizes_are_asked_for(image: Image) -> None:
    finder = FixedFinder(HEAD)
    blurred = Cover(heads=finder).cover(image)
    pictures = [blurred.colour(320), blurred.colour(100), blurred.luma()]
    assert finder.asked == [(SIZE, True)]
    assert [picture.shape[:2] for picture in pictures] == [SIZE, (74, 100), SIZE]
    assert blurred.size == SIZE
    assert all(
        np.ptp(one[round(0.21 * len(one)) : round(0.26 * len(one)), one.shape[1] // 2].astype(int), axis=0).max() < 60
        for one in pictures
    )


def test_all_of_the_picture_is_hidden_when_the_search_fails(image: Image, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    shown = Cover(heads=BrokenFinder()).cover(image).colour(320)
    # 240 pixels in five cells at most.
    assert len(np.unique(shown.reshape(SIZE[0], -1), axis=0)) <= 5
    assert "the whole picture is hidden" in caplog.text


def test_what_is_masked_is_black_and_not_searched(image: Image) -> None:
    seen: list[NDArray[np.uint8]] = []

    class Looking(FixedFinder):
        def find(self, picture: NDArray[np.uint8], *, closely: bool) -> NDArray[np.float32]:
            seen.append(picture)
            return super().find(picture, closely=closely)

    mask = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    shown = Cover(masks=(mask,), heads=Looking((0.6, 0.1, 0.8, 0.3))).cover(image).colour(320)
    assert not seen[0][:, :159].any()
    assert not shown[:, :159].any()
    assert shown[:, 162:].any(axis=2).all()

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from builder.release.contact_sheet import HEIGHT, contact_sheet
from builder.release.error_picture import TOTAL_BYTES, write_pictures
from builder.report.data import ErrorSheet


def jpeg(pixels: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".jpg", pixels)[1].tobytes()


def flat(level: int, height: int, width: int) -> bytes:
    return jpeg(np.full((height, width), level, np.uint8))


def noise(seed: int) -> bytes:
    return jpeg(np.random.default_rng(seed).integers(0, 256, (300, 400), dtype=np.uint8))


def opened(sheet: bytes) -> NDArray[np.uint8]:
    return np.asarray(cv2.imdecode(np.frombuffer(sheet, np.uint8), cv2.IMREAD_UNCHANGED), np.uint8)


def made(*pictures: bytes, label: int = 1) -> ErrorSheet:
    return ErrorSheet(
        clip="a/../b.mp4", source="gate", label=1 if label else 0, probability=0.5, pictures=tuple(pictures)
    )


def test_pictures_stand_side_by_side_in_order() -> None:
    sheet = opened(contact_sheet([flat(level, 240, 320) for level in (30, 120, 200)], 18_000))
    assert sheet.shape == (HEIGHT, 3 * 160 + 2 * 4)
    assert [int(sheet[60, column]) for column in (80, 80 + 164, 80 + 328)] == pytest.approx([30, 120, 200], abs=3)
    assert sheet[60, 161] > 220


def test_small_pictures_are_not_enlarged_and_colour_becomes_grey() -> None:
    blue = np.zeros((24, 32, 3), np.uint8)
    blue[..., 0] = 255
    assert opened(contact_sheet([jpeg(blue)], 18_000)).shape == (24, 32)


def test_quality_gives_way_to_size() -> None:
    pictures = [noise(seed) for seed in range(4)]
    fine, small = contact_sheet(pictures, 10**6), contact_sheet(pictures, 18_000)
    assert len(small) <= 18_000 < len(fine)
    assert contact_sheet(pictures, 1) == contact_sheet(pictures, 2)


def test_pictures_are_numbered_worst_first_and_keep_to_a_size_in_all(tmp_path: Path) -> None:
    sheets = [made(*(noise(4 * number + part) for part in range(4)), label=number % 2) for number in range(8)]
    written = write_pictures([sheets[0], made(), *sheets[1:]], tmp_path)
    assert [one.sheet for one in written] == sheets
    assert [one.kind for one in written] == ["false alarm", "missed fight"] * 4
    assert [one.file for one in written] == [f"pictures/{number}.jpg" for number in range(1, 9)]
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.jpg")) == [
        one.file for one in written
    ]
    assert sum((tmp_path / one.file).stat().st_size for one in written) <= TOTAL_BYTES


def test_nothing_is_written_where_there_is_no_picture(tmp_path: Path) -> None:
    assert write_pictures([], tmp_path) == write_pictures([made()], tmp_path) == ()
    assert list(tmp_path.iterdir()) == []

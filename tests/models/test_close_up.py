from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.close_up import grid_size, window_of_motion
from models.manifest import CloseUp

CLOSE_UP = CloseUp(canvas=(240, 320), share=0.4)


def test_window_of_motion_is_the_middle_when_nothing_moves() -> None:
    found = window_of_motion(np.zeros(grid_size(CLOSE_UP), np.uint8), CLOSE_UP)
    assert found == (slice(72, 168), slice(96, 224))


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [
        ((0, 0), (slice(0, 96), slice(0, 128))),
        ((59, 79), (slice(144, 240), slice(192, 320))),
        ((30, 40), (slice(28, 124), slice(36, 164))),
    ],
)
def test_window_of_motion_holds_the_cell_when_one_alone_moves(
    cell: tuple[int, int], wanted: tuple[slice, slice]
) -> None:
    motion = np.zeros(grid_size(CLOSE_UP), np.uint8)
    motion[cell] = 1
    assert window_of_motion(motion, CLOSE_UP) == wanted


def test_window_of_motion_prefers_the_strongest_when_several_move() -> None:
    motion = np.zeros(grid_size(CLOSE_UP), np.uint8)
    motion[5:10, 5:10], motion[45:50, 60:65] = 100, 110
    rows, columns = window_of_motion(motion, CLOSE_UP)
    assert rows.start <= 45 * 4
    assert rows.stop >= 50 * 4
    assert columns.start <= 60 * 4
    assert columns.stop >= 65 * 4


@given(st.integers(8, 90), st.integers(8, 90), st.floats(0.01, 0.99), st.integers(0, 2**32 - 1))
def test_window_of_motion_lies_on_the_canvas_when_sizes_differ(
    rows: int, columns: int, share: float, seed: int
) -> None:
    close_up = CloseUp(canvas=(rows, columns), share=share)
    motion = np.random.default_rng(seed).integers(0, 256, grid_size(close_up), dtype=np.uint8)
    for part, side in zip(window_of_motion(motion, close_up), close_up.canvas, strict=True):
        assert 0 <= part.start < part.stop <= side
        assert part.stop - part.start == max(1, round(side * share))

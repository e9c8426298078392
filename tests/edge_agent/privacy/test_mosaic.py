from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_agent.privacy.head_finder import EVERYTHING, NOTHING, Zones
from edge_agent.privacy.mosaic import Mosaic


def noise(height: int, width: int, *colours: int) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (height, width, *colours), dtype=np.uint8)


def zones(*edges: tuple[float, float, float, float]) -> Zones:
    return np.array(edges, np.float32)


@pytest.mark.parametrize("colours", [(), (3,)])
def test_each_cell_of_a_zone_is_one_level_and_the_rest_is_untouched(colours: tuple[int, ...]) -> None:
    before = noise(120, 160, *colours)
    after = before.copy()
    # 80 pixels wide and 80 high: cells of 16.
    Mosaic(zones((0.25, 0.0, 0.75, 2 / 3)), (120, 160)).apply(after)
    np.testing.assert_array_equal(after[80:], before[80:])
    np.testing.assert_array_equal(after[:, :40], before[:, :40])
    np.testing.assert_array_equal(after[:, 120:], before[:, 120:])
    for top in range(0, 80, 16):
        for left, right in ((40, 48), *((left, left + 16) for left in range(48, 112, 16)), (112, 120)):
            hidden = after[top : top + 16, left:right].reshape(-1, *colours)
            assert (hidden == hidden[0]).all()
            mean = before[top : top + 16, left // 16 * 16 : left // 16 * 16 + 16].mean(axis=(0, 1))
            np.testing.assert_allclose(hidden[0], mean, atol=1)


def test_the_coarser_wins_where_zones_overlap() -> None:
    picture = noise(320, 320)
    Mosaic(zones((0.1, 0.1, 0.3, 0.3), (0.0, 0.0, 1.0, 1.0)), (320, 320)).apply(picture)
    assert len(np.unique(picture)) <= 25


def test_chroma_is_hidden_where_luma_is() -> None:
    chroma = noise(60, 80)
    before = chroma.copy()
    Mosaic(zones((0.25, 0.0, 0.75, 2 / 3)), (120, 160)).apply(chroma, 2)
    np.testing.assert_array_equal(chroma[40:], before[40:])
    np.testing.assert_array_equal(chroma[:, :20], before[:, :20])
    assert (chroma[:8, 24:32] == chroma[0, 24]).all()


def test_nothing_is_touched_when_nothing_was_found() -> None:
    picture = noise(40, 40)
    before = picture.copy()
    Mosaic(NOTHING, (40, 40)).apply(picture)
    Mosaic(zones((0.5, 0.5, 0.5, 0.9), (1.2, 0.0, 1.5, 1.0), (0.7, 0.0, 0.2, 1.0)), (40, 40)).apply(picture)
    np.testing.assert_array_equal(picture, before)


@given(st.integers(1, 70), st.integers(1, 70), st.lists(st.tuples(*[st.floats(-1, 2)] * 4), max_size=4))
def test_any_zones_of_any_picture_can_be_hidden(
    height: int, width: int, edges: list[tuple[float, float, float, float]]
) -> None:
    picture, small = noise(height, width, 3), noise(-(-height // 2), -(-width // 2))
    mosaic = Mosaic(np.array(edges, np.float32).reshape(-1, 4), (height, width))
    mosaic.apply(picture)
    mosaic.apply(small, 2)


def test_a_whole_picture_shows_hardly_anything() -> None:
    picture = noise(720, 1280)
    Mosaic(EVERYTHING, (720, 1280)).apply(picture)
    assert len(np.unique(picture.reshape(-1, 1280), axis=0)) <= 3
    assert len(np.unique(picture, axis=1).T) <= 5

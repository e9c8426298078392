from __future__ import annotations

import time
from contextlib import closing

import cv2
import numpy as np
import pytest

from edge_agent.cell_image import CellImage, SharedImage
from edge_agent.frame import Image
from edge_agent.region import Region
from edge_agent.sources.source import SourceOptions
from edge_agent.sources.video import VideoReader
from tests.edge_agent.films import write_film

SIZE = (96, 160)
REGIONS = [Region(0, 0, 0.5, 0.5), Region(0.5, 0.25, 0.9, 1), Region(0.333, 0, 0.667, 0.5, border=3)]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    pictures = [np.random.default_rng(1).integers(0, 256, (*SIZE, 3), dtype=np.uint8)] * 2
    film = write_film(tmp_path_factory.mktemp("film") / "a.mp4", pictures, size=SIZE)
    with closing(VideoReader(str(film), SourceOptions(), time.monotonic)) as reader:
        read = reader.read()
    assert read is not None
    return read[1]


@pytest.mark.parametrize("region", REGIONS)
def test_cell_shows_exactly_its_part_of_the_wall(image: Image, region: Region) -> None:
    rows, columns = region.slices(SIZE)
    cell = CellImage(image, region)
    assert cell.size == (rows.stop - rows.start, columns.stop - columns.start)
    assert np.array_equal(cell.luma(), image.luma()[rows, columns])
    assert np.array_equal(cell.colour(1000), image.colour(1000)[rows, columns])


@pytest.mark.parametrize("region", REGIONS)
def test_cell_is_scaled_without_its_neighbours(image: Image, region: Region) -> None:
    rows, columns = region.slices(SIZE)
    small = CellImage(image, region).colour(32)
    assert max(small.shape[:2]) == 32
    expected = cv2.resize(image.colour(1000)[rows, columns], small.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.array_equal(small, expected)


def test_cells_look_at_their_walls_luma_and_copy_nothing(image: Image) -> None:
    shared = SharedImage(image)
    lumas = [CellImage(shared, region).luma() for region in REGIONS]
    assert all(np.shares_memory(luma, shared.luma()) for luma in lumas)
    assert not np.shares_memory(CellImage(shared, REGIONS[0]).colour(1000), shared.colour(1000))

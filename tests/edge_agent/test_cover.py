from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.cover import Cover, Polygon
from edge_agent.frame import Frame
from edge_agent.sample import Sample, SampleMaker
from edge_agent.sampling import SamplingPolicy
from tests.edge_agent.films import write_film
from tests.edge_agent.privacy.finding import FixedFinder
from tests.edge_agent.test_sample import frames_of
from tests.tiny_bundle import GEOMETRY, PREPROCESSING

SIZE = (120, 160)
LEFT: Polygon = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
RIGHT: Polygon = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))
TRIANGLE: Polygon = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))


@pytest.mark.parametrize("size", [(40, 80), (41, 83), (480, 640)])
def test_hidden_is_what_lies_outside_of_zones_and_inside_of_masks(size: tuple[int, int]) -> None:
    columns = np.arange(size[1])[None, :].repeat(size[0], 0)
    border = np.abs(columns - (size[1] - 1) / 2) <= 1
    zone, mask = Cover(zones=(LEFT,)).hidden(size), Cover(masks=(LEFT,)).hidden(size)
    assert zone is not None
    assert mask is not None
    np.testing.assert_array_equal((zone == (columns > size[1] / 2)) | border, True)
    np.testing.assert_array_equal((mask == (columns < size[1] / 2)) | border, True)


def test_a_mask_inside_of_a_zone_is_hidden_and_zones_add_up() -> None:
    both = Cover(zones=(LEFT, RIGHT), masks=(TRIANGLE,)).hidden((100, 100))
    assert both is not None
    assert both[:40, :40].all()
    assert not both[60:, 60:].any()
    assert Cover().hidden((100, 100)) is None


@pytest.fixture
def frames(tmp_path: Path) -> list[Frame]:
    """All of the picture flickers, differently at each place."""
    random = np.random.default_rng(2)
    blocks = [random.integers(0, 256, (6, 8, 3), dtype=np.uint8) for _ in range(40)]
    pictures: list[NDArray[np.uint8]] = [one.repeat(20, 0).repeat(20, 1) for one in blocks]
    return frames_of(write_film(tmp_path / "film.mp4", pictures, size=SIZE))


def sample(frames: list[Frame], cover: Cover) -> Sample:
    maker = SampleMaker("yard", SamplingPolicy(), GEOMETRY, PREPROCESSING, cover=cover)
    return next(sample for frame in frames for sample in maker.make(frame, frame.time_s))


@pytest.mark.parametrize("cover", [Cover(zones=(RIGHT,)), Cover(masks=(LEFT,))])
def test_nothing_moves_where_nothing_is_judged(frames: list[Frame], cover: Cover) -> None:
    open_, covered = sample(frames, Cover()).pixels, sample(frames, cover).pixels
    width = open_.shape[1]
    still = covered[0, 0]
    assert (covered[:, : width // 2 - 2] == still).all()
    assert (open_[:, : width // 2 - 2] != still).any()
    np.testing.assert_array_equal(covered[:, width // 2 + 2 :], open_[:, width // 2 + 2 :])


def test_masks_are_black_in_pictures_and_zones_are_not(frames: list[Frame]) -> None:
    shown = sample(frames, Cover(zones=(RIGHT,))).image
    masked = sample(frames, Cover(masks=(LEFT,))).image
    for picture in (masked.colour(160), masked.colour(64), masked.luma()):
        assert not picture[:, : picture.shape[1] // 2 - 1].any()
        assert picture[:, picture.shape[1] // 2 + 1 :].any()
    assert shown.colour(160)[:, :70].any()
    assert masked.size == shown.size == SIZE


def test_blurring_faces_changes_nothing_of_what_is_judged(frames: list[Frame]) -> None:
    finder = FixedFinder((0.0, 0.0, 1.0, 1.0))
    np.testing.assert_array_equal(sample(frames, Cover(heads=finder)).pixels, sample(frames, Cover()).pixels)
    assert finder.asked == []
    assert Cover(heads=finder).hidden(SIZE) is None


def test_cover_that_changes_is_in_force_from_the_next_frame_on_and_begins_a_new_run(frames: list[Frame]) -> None:
    maker = SampleMaker("yard", SamplingPolicy(0.3), GEOMETRY, PREPROCESSING)
    whole = Cover(masks=(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)),))
    before = [sample for frame in frames[:20] for sample in maker.make(frame, frame.time_s)]
    maker.cover = whole
    after = [sample for frame in frames[20:] for sample in maker.make(frame, frame.time_s)]
    assert before
    assert after
    assert all(sample.image.colour(64).max() > 0 for sample in before)
    assert all(sample.image.colour(64).max() == 0 for sample in after)
    # Of pictures with and without the mask in one sample, all that it hides would seem to move.
    born = SampleMaker("yard", SamplingPolicy(0.3), GEOMETRY, PREPROCESSING, cover=whole)
    still = [sample for frame in frames[20:] for sample in born.make(frame, frame.time_s)]
    assert all(np.array_equal(one.pixels, other.pixels) for one, other in zip(after, still, strict=True))
    assert not {sample.run for sample in before} & {sample.run for sample in after}

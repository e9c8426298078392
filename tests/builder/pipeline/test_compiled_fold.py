from __future__ import annotations

import msgspec
import numpy as np
import pytest

from builder.data.clips import find_clips
from builder.errors import DataError
from builder.pipeline.calibrated import FoldCalibration
from builder.pipeline.compiled_fold import golden_windows, shift_head
from builder.pipeline.curated import CuratedClips, curate, hash_clips
from builder.recipe import Recipe, load_recipe
from models.manifest import Thresholds
from tests.builder import tiny_clips
from tests.builder.tiny_training import GEOMETRY, PREPROCESSING, make_network, silent


def make_recipe(samples: int) -> Recipe:
    geometry = msgspec.structs.replace(GEOMETRY, samples=samples)
    return msgspec.structs.replace(load_recipe("quick"), geometry=geometry, preprocessing=PREPROCESSING)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> CuratedClips:
    """Two clips of 0.95 s: samples at 0.2, 0.4, 0.6 and 0.8 s."""
    found = find_clips(tiny_clips.write_tree(tmp_path_factory.mktemp("clips"), fights=1, calm=1))
    directory = tmp_path_factory.mktemp("curated")
    curate(found, hash_clips(found.clips, silent), PREPROCESSING, directory, silent, lambda _: None)
    return CuratedClips(directory)


def test_the_shift_moves_into_the_head_so_that_a_temperature_is_left() -> None:
    network = make_network()
    windows = np.random.default_rng(0).normal(size=(4, *network.head.input_shape[1:])).astype(np.float32)
    before = np.asarray(network.head(windows, training=False), np.float64)
    calibration = FoldCalibration(1.7, -0.8, Thresholds(wake=0.1, clear=0.3, alert=0.5))
    shift_head(network, calibration)
    after = np.asarray(network.head(windows, training=False), np.float64)
    wanted = calibration.platt.probabilities(before[:, 1] - before[:, 0])
    np.testing.assert_allclose(1 / (1 + np.exp(-(after[:, 1] - after[:, 0]) / 1.7)), wanted, rtol=1e-5)


def test_golden_windows_are_the_middles_of_the_clips(clips: CuratedClips) -> None:
    recipe = make_recipe(2)
    windows = golden_windows(clips, recipe, 100)
    whole = [clips.samples(clip, recipe.geometry, PREPROCESSING).samples for clip in clips.clips]
    np.testing.assert_array_equal(windows, [samples[1:3] for samples in whole])
    few = golden_windows(clips, recipe, 2)
    np.testing.assert_array_equal(few, [samples[1:3] for samples in (whole[0], whole[-1])])


def test_one_clear_error_when_every_clip_is_shorter_than_a_window(clips: CuratedClips) -> None:
    with pytest.raises(DataError, match=r"no clip is as long as a window of 1\.0 s; give longer clips"):
        golden_windows(clips, make_recipe(5), 100)

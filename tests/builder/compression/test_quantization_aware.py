from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from builder.backbones.registry import BackboneSpec
from builder.compilation.tflite import compile_tflite
from builder.compression.quantization_aware import QuantizationTrainer, measure_ranges, rounding_encoder
from builder.compression.recovery import Recovery
from builder.framework import load_keras
from builder.recipe import QuantizationAware, Student
from builder.training.network import Network, standardise
from builder.training.schedule import Schedule
from builder.training.student import TeacherViews
from runtimes.tflite import open_interpreter
from tests.builder.tiny_training import (
    GEOMETRY,
    PREPROCESSING,
    encoded,
    half_pruned,
    make_network,
    make_training,
    silent,
)

pytestmark = pytest.mark.slow
TUNE = Schedule(epochs=10, learning_rate=1e-3, weight_decay=0.0, batch=8, averaging=0.9)


def smooth_pictures() -> NDArray[np.uint8]:
    """Windows of pictures that are all over what the network knows."""
    rng = np.random.default_rng(3)
    small = rng.normal(128, 60, (72, 8, 8)).clip(0, 255).astype(np.uint8)
    shown = [cv2.resize(one, PREPROCESSING.size, interpolation=cv2.INTER_CUBIC) for one in small]
    return np.stack(shown).reshape(24, GEOMETRY.samples, *PREPROCESSING.pane_shape)


LEARNT = smooth_pictures()
PANES = (LEARNT.reshape(-1, *PREPROCESSING.pane_shape).astype(np.float32) - PREPROCESSING.mean) / PREPROCESSING.scale


@pytest.fixture(scope="module")
def whole() -> Network:
    network = make_network("tcn", blocks=3)
    standardise(network, encoded(network, LEARNT))
    return network


def train(
    network: Network, kept_float: tuple[str, ...] = (), probe: Schedule | None = None
) -> tuple[Network, dict[str, tuple[float, ...]]]:
    training = make_training(8)
    student = Student(backbone=BackboneSpec(blocks=3), head="tcn", probe=TUNE, tune=TUNE)
    views = TeacherViews(training, 4 * (training.labels()[None] - 0.5))
    recovery = Recovery(views, student, GEOMETRY, PREPROCESSING, silent)
    asked = QuantizationAware(tune=TUNE, probe=probe)
    return QuantizationTrainer(recovery, asked, kept_float, LEARNT).train(network)


@pytest.fixture(scope="module")
def trained(whole: Network) -> Network:
    return train(whole)[0]


def int8_error(network: Network, wanted: NDArray[np.float32], directory: Path) -> float:
    """The squared distance of what LiteRT computes of the network in int8 from the embeddings ``wanted``."""
    path = directory / "int8.tflite"
    compile_tflite(
        network.encoder, precision="int8", path=path, representative=[PANES], samples_range=(-1.0, 127 / 128)
    )
    interpreter = open_interpreter(path.read_bytes(), path.name, 1)
    (read,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for pane in LEARNT.reshape(-1, *PREPROCESSING.pane_shape):
        interpreter.set_tensor(read["index"], pane[None])
        interpreter.invoke()
        scale, zero = given["quantization"]
        found.append((interpreter.get_tensor(given["index"])[0].astype(np.float64) - zero) * scale)
    return float(np.mean((np.array(found) - wanted) ** 2))


def test_int8_strays_less_from_the_float_student_once_it_was_trained_for_it(
    trained: Network, whole: Network, tmp_path: Path
) -> None:
    wanted = encoded(whole, LEARNT).reshape(len(PANES), -1)
    before, after = (int8_error(one, wanted, tmp_path) for one in (whole, trained))
    assert after < 0.4 * before


def test_rounding_is_what_int8_will_do(whole: Network, tmp_path: Path) -> None:
    wanted = encoded(whole, LEARNT).reshape(len(PANES), -1)
    rounded = rounding_encoder(whole.encoder, measure_ranges(whole.encoder, PANES))
    strayed = float(np.mean((np.asarray(rounded(PANES, training=False)) - wanted) ** 2))
    # LiteRT rounds what it gives, too, and sums into whole numbers.
    assert strayed == pytest.approx(int8_error(whole, wanted, tmp_path), rel=0.35)


def test_layers_kept_in_float_round_nothing(whole: Network) -> None:
    every = tuple(layer.name for layer in whole.encoder.layers)
    rounded = rounding_encoder(whole.encoder, measure_ranges(whole.encoder, PANES), every)
    np.testing.assert_allclose(rounded(PANES, training=False), whole.encoder(PANES, training=False), rtol=1e-5)


def test_ranges_are_those_of_what_is_read_and_hold_zero(whole: Network) -> None:
    ranges = measure_ranges(whole.encoder, PANES)
    assert "stem_conv" not in ranges
    assert set(ranges) >= {"block0_depth_conv", "block1_expand_conv", "block2_project_conv"}
    assert all(low <= 0 <= high for low, high in ranges.values())
    assert ranges["block0_depth_conv"][0] == 0
    assert ranges["block0_depth_conv"][1] <= 6
    reads = load_keras().Model(whole.encoder.input, whole.encoder.get_layer("block1_expand_conv").input)
    found = np.asarray(reads(PANES, training=False))
    assert ranges["block1_expand_conv"] == pytest.approx((min(0, found.min()), max(0, found.max())), rel=1e-4)


def test_zeros_stay_zero_and_the_form_is_that_of_before(whole: Network) -> None:
    pruned, small = half_pruned(whole, "block1_project_conv")
    trained, losses = train(pruned)
    np.testing.assert_array_equal(trained.encoder.get_layer("block1_project_conv").get_weights()[0] == 0, small)
    assert [type(one) for one in trained.encoder.layers] == [type(one) for one in whole.encoder.layers]
    assert [len(losses[name]) for name in losses] == [TUNE.epochs]


def test_what_was_pruned_goes_on_as_itself_since_its_head_knows_no_other(whole: Network) -> None:
    pruned, _ = half_pruned(whole, "block1_project_conv")
    found, own, others = (encoded(one, LEARNT) for one in (train(pruned)[0], pruned, whole))
    assert np.mean((found - own) ** 2) < 0.5 * np.mean((found - others) ** 2)

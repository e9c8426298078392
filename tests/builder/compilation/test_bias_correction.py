from __future__ import annotations

import numpy as np
import pytest

from builder.compilation.bias_correction import correct_bias, measure_logit_shift, measure_shift
from builder.evaluation.opening import open_artifact, open_artifacts
from tests.builder.conftest import CompiledNetwork
from tests.builder.tiny_networks import EMBEDDING, PREPROCESSING, make_calibrating, make_samples, normalise

pytestmark = pytest.mark.slow


def test_corrected_encoder_is_off_by_the_shift_alone(compiled: CompiledNetwork) -> None:
    shift = np.linspace(-1, 1, EMBEDDING).astype(np.float32)
    real = normalise(make_samples(4))
    before = np.asarray(compiled.network.encoder(real, training=False))
    after = np.asarray(correct_bias(compiled.network.encoder, shift)(real, training=False))
    assert np.allclose(before - after, shift, atol=1e-6)


def test_shift_is_found_when_an_encoder_is_off_by_a_constant(compiled: CompiledNetwork) -> None:
    encoder, _ = compiled.pair("cpu-onnx")
    session = open_artifact(encoder, compiled.directory)
    shift = np.linspace(-1, 1, EMBEDDING).astype(np.float32)
    off = correct_bias(compiled.network.encoder, shift)
    # The compiled encoder is exact, so it exceeds one that is too low by just that.
    assert np.allclose(measure_shift(off, session, make_samples(40), PREPROCESSING), shift, atol=1e-5)


@pytest.mark.parametrize("target", ["cpu-tflite-int8", "cpu-onnx-int8"])
def test_compiled_int8_encoder_is_left_without_a_shift(compiled: CompiledNetwork, target: str) -> None:
    encoder, _ = compiled.pair(target)
    samples = make_samples(48)
    session = open_artifact(encoder, compiled.directory)
    shift = measure_shift(compiled.network.encoder, session, samples, PREPROCESSING)
    spread = np.asarray(compiled.network.encoder(normalise(samples), training=False)).std(axis=0)
    assert np.all(np.abs(shift) < 0.05 * spread)


def test_what_a_head_reads_into_a_quantized_encoder_is_measured_in_logits(compiled: CompiledNetwork) -> None:
    encoder, _ = compiled.pair("cpu-onnx")
    session = open_artifact(encoder, compiled.directory)
    calibrating = make_calibrating(compiled.network)
    shift = np.linspace(-1, 1, EMBEDDING).astype(np.float32)
    # The compiled encoder is exact: against one that is off by a constant, the head is off by what it reads into that.
    told = measure_logit_shift(
        compiled.network.head, session, calibrating.panes, calibrating.windows - shift, PREPROCESSING
    )
    low, exact = (
        np.asarray(compiled.network.head(windows, training=False))
        for windows in (calibrating.windows - shift, calibrating.windows)
    )
    np.testing.assert_allclose(told, (exact - low).mean(axis=0), atol=1e-4)
    assert np.abs(told).max() > 0.01


@pytest.mark.parametrize("target", ["cpu-tflite-int8", "cpu-onnx-int8"])
def test_compiled_int8_networks_say_on_the_average_what_the_float_one_says(
    compiled: CompiledNetwork, target: str
) -> None:
    calibrating = make_calibrating(compiled.network)
    opened = open_artifacts(*compiled.pair(target), compiled.directory, PREPROCESSING)
    samples = calibrating.panes.reshape(-1, *calibrating.panes.shape[2:])
    said = opened.logits(opened.encode(samples).reshape(calibrating.windows.shape))
    meant = np.asarray(compiled.network.head(calibrating.windows, training=False))
    assert np.abs((said - meant).mean(axis=0)).max() < 0.05

from __future__ import annotations

import numpy as np
import pytest

from builder.compilation.bias_correction import correct_bias, measure_shift
from builder.evaluation.opening import open_artifact
from tests.builder.conftest import CompiledNetwork
from tests.builder.tiny_networks import EMBEDDING, PREPROCESSING, make_samples, normalise

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

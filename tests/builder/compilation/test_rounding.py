from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.compilation.rounding import LARGEST, choose_rounding, round_to_fit
from tests.builder.conftest import CompiledNetwork
from tests.builder.tiny_networks import make_calibrating, make_samples, normalise


def nearest(weights: np.ndarray) -> np.ndarray:
    scales = np.abs(weights).max(axis=0) / LARGEST
    return np.asarray(np.rint(weights / scales) * scales)


def output_error(weights: np.ndarray, rounded: np.ndarray, moments: np.ndarray) -> float:
    error = rounded - weights
    return float(np.einsum("ko,kl,lo->", error, moments, error))


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 6))
def test_rounding_goes_up_or_down_and_never_gives_more_error_than_the_nearest(
    seed: int, inputs: int, outputs: int
) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(inputs, outputs)) + 1e-3
    weights[rng.random(weights.shape) < 0.3] = 0.0
    weights[0] = rng.normal(size=outputs) + 5.0
    taken = rng.normal(size=(50, inputs)) + rng.normal(size=inputs) * 3
    moments = taken.T @ taken
    found = choose_rounding(weights, moments)
    scales = np.abs(weights).max(axis=0) / LARGEST
    whole = found / scales
    assert np.allclose(whole, np.rint(whole), atol=1e-6)
    assert np.abs(whole).max() <= LARGEST + 1e-6
    assert np.all(np.abs(whole - weights / scales) < 1 + 1e-6)
    assert np.all(found[weights == 0] == 0)
    np.testing.assert_allclose(np.abs(found).max(axis=0), np.abs(weights).max(axis=0))
    assert output_error(weights, found, moments) <= output_error(weights, nearest(weights), moments) + 1e-9


def test_a_kernel_that_takes_differences_goes_on_taking_them() -> None:
    rng = np.random.default_rng(3)
    kernel = rng.normal(size=(9, 4))
    kernel -= kernel.mean(axis=0)
    bright = np.full((9, 9), 400.0) + np.eye(9)
    by_channel = np.repeat(bright[None], 4, axis=0)
    sums = np.abs(choose_rounding(kernel, by_channel).sum(axis=0))
    scales = np.abs(kernel).max(axis=0) / LARGEST
    assert np.all(sums / scales < 0.6)
    assert np.abs(nearest(kernel).sum(axis=0) / scales).max() > 1


@pytest.mark.slow
def test_a_rounded_encoder_strays_less_than_one_rounded_to_the_nearest(compiled: CompiledNetwork) -> None:
    encoder = compiled.network.encoder
    before = [weight.copy() for weight in encoder.get_weights()]
    rounded = round_to_fit(encoder, normalise(make_samples(32)))
    plain = round_to_fit(encoder, np.zeros_like(normalise(make_samples(1))))
    seen = normalise(make_samples(24, seed=21))
    meant = np.asarray(encoder(seen, training=False))
    errors = [float(np.square(np.asarray(one(seen, training=False)) - meant).mean()) for one in (rounded, plain)]
    assert 0 < errors[0] < errors[1]
    for weight, kept in zip(encoder.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, kept)


@pytest.mark.slow
def test_compiled_files_hold_the_very_weights_that_were_chosen(compiled: CompiledNetwork) -> None:
    chosen = make_calibrating(compiled.network).encoder
    stored = {
        tuple(np.sort(np.abs(values.reshape(len(values), -1).astype(int)), axis=1).ravel())
        for values in (
            onnx.numpy_helper.to_array(one)
            for one in onnx.load(compiled.directory / compiled.pair("cpu-onnx-int8")[0].file).graph.initializer
        )
        if values.dtype == np.int8 and values.ndim == 4
    }
    kernels = [layer.get_weights()[0] for layer in chosen.layers if "conv" in layer.name]
    assert len(kernels) == len(stored) == 3
    for kernel in kernels:
        outputs = kernel.shape[2] if kernel.shape[3] == 1 else kernel.shape[3]
        columns = kernel.reshape(-1, outputs).T
        whole = np.abs(columns / np.abs(columns).max(axis=1, keepdims=True) * LARGEST)
        assert tuple(np.sort(np.rint(whole).astype(int), axis=1).ravel()) in stored

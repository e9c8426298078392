from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from builder.framework import load_keras, load_tensorflow
from builder.training.averaging import Swa
from builder.training.fit import Batch, Schedule, fit
from builder.training.precision import Precision, choose_policy, computing_in
from builder.training.stopping import Stopping
from tests.builder.tiny_training import silent


@pytest.mark.parametrize(
    ("precision", "gpus", "policy"),
    [
        ("float32", 0, "float32"),
        ("float32", 1, "float32"),
        ("float16", 0, "mixed_float16"),
        ("float16", 1, "mixed_float16"),
        ("bfloat16", 0, "mixed_bfloat16"),
        ("bfloat16", 2, "mixed_bfloat16"),
        ("auto", 0, "float32"),
        ("auto", 1, "mixed_float16"),
        ("auto", 8, "mixed_float16"),
    ],
)
def test_half_floats_are_chosen_where_they_are_asked_or_there_is_a_gpu(
    precision: Precision, gpus: int, policy: str
) -> None:
    assert choose_policy(precision, gpus) == policy


def test_other_networks_stay_whole_floats_even_after_an_error() -> None:
    policies = load_keras().mixed_precision

    def fail() -> None:
        with computing_in("bfloat16"):
            assert policies.global_policy().name == "mixed_bfloat16"
            raise OSError("no weights")

    with pytest.raises(OSError, match="no weights"):
        fail()
    assert policies.global_policy().name == "float32"


def small_network() -> Any:
    keras = load_keras()
    keras.utils.set_random_seed(1)
    layers = keras.layers
    norm = layers.BatchNormalization(trainable=False)
    return keras.Sequential([layers.Dense(8, "relu", input_shape=(4,)), norm, layers.Dense(2)])


@pytest.mark.parametrize(("precision", "loosely"), [("float16", 0.02), ("bfloat16", 0.15)])
@pytest.mark.parametrize("options", [{"swa": Swa(epochs=2, learning_rate=0.03)}, {"stopping": Stopping(patience=9)}])
def test_a_network_learns_in_half_floats_and_keeps_whole_weights(
    precision: Precision, loosely: float, options: Any
) -> None:
    with computing_in(precision):
        network = small_network()
    fight = np.arange(16) % 2
    windows = (np.random.default_rng(0).normal(size=(16, 4)) + 2.0 * fight[:, None]).astype(np.float32)
    batch = Batch(windows, np.eye(2, dtype=np.float32)[fight])
    schedule = Schedule(epochs=8, learning_rate=0.03, averaging=0.5, **options)
    losses = fit(network, lambda _: [lambda: batch] * 2, schedule, silent, held_out=batch)
    assert losses[-1] < 0.8 * losses[0]
    weights = network.get_weights()
    assert {weight.dtype for weight in weights} == {np.dtype(np.float32)}
    # The very weights judge the same in a network of whole floats, as later stages need.
    whole = small_network()
    whole.set_weights(weights)
    halves = np.asarray(network(windows, training=False))
    assert halves.dtype == load_tensorflow().as_dtype(precision).as_numpy_dtype
    np.testing.assert_allclose(np.asarray(whole(windows, training=False)), halves.astype(np.float32), atol=loosely)

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from builder.errors import BuilderError
from builder.framework import load_keras
from builder.training.fit import Batch, Schedule, fit
from builder.training.stopping import Stopping, held_out_loss
from tests.builder.tiny_training import silent

FIGHT = np.arange(24) % 2
WINDOWS = (np.random.default_rng(0).normal(size=(24, 4)) + 2.0 * FIGHT[:, None]).astype(np.float32)
TRUE = np.eye(2, dtype=np.float32)[FIGHT]
CONTRARY = 1 - TRUE


def epoch(_: int) -> Any:
    return [lambda: Batch(WINDOWS, TRUE)] * 3


def network() -> Any:
    keras = load_keras()
    return keras.Sequential([keras.layers.Dense(2, kernel_initializer="zeros", input_shape=(4,))])


def trained(epochs: int, held_out: Batch | None = None, **stopping: Any) -> tuple[Any, tuple[float, ...]]:
    model = network()
    options = {"stopping": Stopping(**stopping)} if stopping else {}
    schedule = Schedule(epochs=epochs, learning_rate=0.02, warmup=0.0, averaging=0.5, **options)
    return model, fit(model, epoch, schedule, silent, held_out=held_out)


def average_of_the_first_epoch() -> list[Any]:
    """The moving average that the first of nine epochs ends with, kept by hand."""
    model = network()
    averages = model.get_weights()

    def follow(done: int, *_: object) -> None:
        if done <= 3:
            averages[:] = [0.5 * old + 0.5 * new for old, new in zip(averages, model.get_weights(), strict=True)]

    fit(model, epoch, Schedule(epochs=9, learning_rate=0.02, warmup=0.0, averaging=0.5), follow)
    return averages


@pytest.mark.parametrize("patience", [1, 2, 4])
def test_training_ends_with_its_best_epoch_once_patience_is_over(patience: int) -> None:
    # What is held out says the contrary of what is learnt, so that the first epoch is the best of all.
    held_out = Batch(WINDOWS, CONTRARY)
    stopped, losses = trained(9, held_out, patience=patience)
    assert len(losses) == 1 + patience
    first = average_of_the_first_epoch()
    for kept, wanted in zip(stopped.get_weights(), first, strict=True):
        np.testing.assert_allclose(kept, wanted, rtol=1e-4, atol=1e-6)
    assert not np.allclose(stopped.get_weights()[0], 0)


def test_training_goes_on_as_without_when_it_gets_better_all_the_while() -> None:
    watched, losses = trained(6, Batch(WINDOWS, TRUE), patience=1)
    unwatched, same = trained(6)
    assert losses == same
    for one, other in zip(watched.get_weights(), unwatched.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_training_stops_when_it_gets_better_by_too_little() -> None:
    _, losses = trained(6, Batch(WINDOWS, TRUE), patience=2, least=100.0)
    assert len(losses) == 3


@pytest.mark.parametrize("labels", [TRUE, CONTRARY])
def test_the_held_out_loss_is_the_plain_cross_entropy(labels: Any) -> None:
    model = network()
    model.compile()
    logits = np.asarray(model(WINDOWS), np.float64)
    log = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    assert held_out_loss(model, Batch(WINDOWS, labels)) == pytest.approx(-(labels * log).sum(axis=1).mean(), rel=1e-5)


def test_one_clear_error_when_nothing_is_held_out_to_stop_by() -> None:
    with pytest.raises(BuilderError, match=r"nothing is held out to stop by; give the recipe \[validation\]"):
        trained(2, None, patience=1)

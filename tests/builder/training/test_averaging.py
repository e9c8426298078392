from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from builder.framework import load_keras
from builder.training.averaging import Swa, learning_norms, refresh_statistics
from builder.training.fit import Batch, Schedule, fit
from tests.builder.tiny_training import silent

EPOCHS = 6


def windows(seed: int = 0, count: int = 16) -> Any:
    fight = np.arange(count) % 2
    drawn = np.random.default_rng(seed).normal(size=(count, 4)) + 2.0 * fight[:, None]
    return drawn.astype(np.float32), np.eye(2, dtype=np.float32)[fight]


def toy_epoch(number: int) -> Any:
    drawn, labels = windows(number)
    return [lambda start=start: Batch(drawn[start : start + 8], labels[start : start + 8]) for start in (0, 8)]


def network(*, learns: bool = True) -> Any:
    """A batch normalisation inside a model inside a model, as backbones are inside the whole network."""
    keras = load_keras()
    keras.utils.set_random_seed(1)
    inner = keras.Sequential(
        [keras.layers.Dense(3, input_shape=(4,)), keras.layers.BatchNormalization(momentum=0.9, trainable=learns)]
    )
    return keras.Sequential([inner, keras.layers.Dense(2)])


def weights_at_each_epochs_end(schedule: Schedule) -> tuple[Any, list[list[Any]]]:
    model, seen = network(learns=False), []

    class Watcher(load_keras().callbacks.Callback):  # type: ignore[misc] - tf_keras is not typed
        def on_epoch_end(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002 - Keras' own form
            seen.append([weight.copy() for weight in self.model.get_weights()])

    fit(model, toy_epoch, schedule, silent, callbacks=(Watcher(),))
    return model, seen


@pytest.mark.parametrize(
    ("swa", "counted"),
    [
        (Swa(epochs=1, learning_rate=0.01), [5]),
        (Swa(epochs=3, learning_rate=0.01), [3, 4, 5]),
        (Swa(epochs=4, learning_rate=0.01, cycle=2), [3, 5]),
        (Swa(epochs=4, learning_rate=0.01, cycle=1), [2, 3, 4, 5]),
    ],
)
def test_what_is_left_is_the_mean_of_the_weights_that_the_last_epochs_ended_with(swa: Swa, counted: list[int]) -> None:
    model, seen = weights_at_each_epochs_end(Schedule(epochs=EPOCHS, learning_rate=0.05, swa=swa))
    assert not np.array_equal(seen[-1][0], seen[-2][0])
    for place, left in enumerate(model.get_weights()):
        np.testing.assert_allclose(left, np.mean([seen[number][place] for number in counted], axis=0), rtol=1e-5)


def test_statistics_are_the_mean_over_batches_where_they_are_learnt() -> None:
    model = network()
    norm = learning_norms(model)[0]
    batches = [windows(seed)[0] for seed in range(5)]
    inner = model.layers[0].layers[0]
    refresh_statistics(model, iter(batches))
    outputs = [inner(batch).numpy().astype(np.float64) for batch in batches]
    np.testing.assert_allclose(norm.moving_mean, np.mean([o.mean(axis=0) for o in outputs], axis=0), rtol=1e-4)
    np.testing.assert_allclose(norm.moving_variance, np.mean([o.var(axis=0) for o in outputs], axis=0), rtol=1e-4)
    assert norm.momentum == 0.9


def test_statistics_stay_where_they_are_frozen() -> None:
    model = network(learns=False)
    before = model.get_weights()
    refresh_statistics(model, iter([windows()[0]]))
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_averaged_weights_come_with_statistics_of_their_own() -> None:
    model = network()
    fit(model, toy_epoch, Schedule(epochs=EPOCHS, learning_rate=0.05, swa=Swa(epochs=3, learning_rate=0.05)), silent)
    inner, norm = model.layers[0].layers
    outputs = [inner(maker().windows).numpy() for maker in toy_epoch(EPOCHS - 1)]
    np.testing.assert_allclose(norm.moving_mean, np.mean([o.mean(axis=0) for o in outputs], axis=0), rtol=1e-4)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epochs": 0, "learning_rate": 0.1}, ">= 1"),
        ({"epochs": 3, "learning_rate": 0.0}, "> 0"),
        ({"epochs": 3, "learning_rate": 0.1, "cycle": 2}, "cycle is 2 and epochs is 3.*give a multiple"),
        ({"epochs": 3}, "missing required field `learning_rate`"),
    ],
)
def test_one_clear_error_when_an_average_cannot_be_taken(given: dict[str, float], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(given, Swa)

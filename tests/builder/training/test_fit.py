from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from builder.errors import BuilderError
from builder.framework import load_keras
from builder.training.averaging import Swa
from builder.training.fit import Batch, Distillation, Schedule, fit
from builder.training.loss import Focal
from builder.training.mixing import Mixing, mix_batch

LOGITS = np.array([[2.0, -1.0], [0.5, 0.25], [-3.0, 1.0]], np.float32)
LABELS = np.array([[1, 0], [0, 1], [0, 1]], np.float32)
TEACHER = np.array([[1.0, 0.0], [-2.0, 2.0], [4.0, 3.0]], np.float32)
FROZEN = Schedule(epochs=1, learning_rate=0.0, weight_decay=0.0)


def silent(done: int, total: int, word: str) -> None:
    """Tells nobody."""


def log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    real = logits.astype(np.float64)
    return np.asarray(real - np.log(np.exp(real).sum(axis=1, keepdims=True)))


def cross_entropy(wanted: NDArray[Any], logits: NDArray[np.float32]) -> float:
    return float(-(wanted * log_softmax(logits)).sum(axis=1).mean())


def identity() -> Any:
    """A network whose logits are what it is given."""
    keras = load_keras()
    return keras.Sequential([keras.layers.Dense(2, use_bias=False, kernel_initializer="identity", input_shape=(2,))])


def once(batch: Batch) -> Callable[[int], list[Callable[[], Batch]]]:
    return lambda _: [lambda: batch]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_the_cross_entropy_to_the_smoothed_labels(smoothing: float) -> None:
    schedule = Schedule(epochs=1, learning_rate=0.0, weight_decay=0.0, label_smoothing=smoothing)
    (loss,) = fit(identity(), once(Batch(LOGITS, LABELS)), schedule, silent)
    smooth = LABELS * (1 - smoothing) + smoothing / 2
    assert loss == pytest.approx(cross_entropy(smooth, LOGITS), rel=1e-5)


@pytest.mark.parametrize(("warmth", "share"), [(1.0, 1.0), (2.0, 0.7), (4.0, 0.25), (2.0, 0.0)])
def test_the_distilled_loss_mixes_labels_and_the_teachers_softened_probabilities(warmth: float, share: float) -> None:
    distillation = Distillation(temperature=warmth, soft=share)
    (loss,) = fit(identity(), once(Batch(LOGITS, LABELS, TEACHER)), FROZEN, silent, distillation=distillation)
    hard = cross_entropy(LABELS * 0.9 + 0.05, LOGITS)
    soft = cross_entropy(np.exp(log_softmax(TEACHER / np.float32(warmth))), LOGITS / np.float32(warmth))
    assert loss == pytest.approx((1 - share) * hard + share * warmth**2 * soft, rel=1e-5)


def separable(count: int = 24) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    fight = np.arange(count) % 2
    windows = rng.normal(size=(count, 4, 3)) + 2.0 * fight[:, None, None]
    return windows.astype(np.float32), np.eye(2, dtype=np.float32)[fight]


def small_head() -> Any:
    keras = load_keras()
    keras.utils.set_random_seed(3)
    return keras.Sequential([keras.layers.Flatten(input_shape=(4, 3)), keras.layers.Dense(2)])


def toy_epoch(_: int) -> list[partial[Batch]]:
    windows, labels = separable()
    return [partial(Batch, windows[start : start + 8], labels[start : start + 8]) for start in (0, 8, 16)]


def test_the_loss_falls_and_the_classes_are_told_apart_when_they_can_be() -> None:
    network = small_head()
    losses = fit(network, toy_epoch, Schedule(epochs=15, learning_rate=0.05, averaging=0.5), silent)
    assert len(losses) == 15
    assert losses[-1] < 0.6 * losses[0]
    windows, labels = separable()
    assert (network.predict(windows, verbose=0).argmax(axis=1) == labels.argmax(axis=1)).mean() > 0.9


def test_the_averaged_weights_are_what_is_left() -> None:
    network = small_head()
    averages = [weight.copy() for weight in network.get_weights()]

    def follow(*_: object) -> None:
        for place, weight in enumerate(network.get_weights()):
            averages[place] = 0.8 * averages[place] + 0.2 * weight

    fit(network, toy_epoch, Schedule(epochs=2, learning_rate=0.05, averaging=0.8), follow)
    for left, average in zip(network.get_weights(), averages, strict=True):
        np.testing.assert_allclose(left, average, rtol=1e-4, atol=1e-6)


def test_a_step_is_traced_once_however_often_it_is_taken() -> None:
    network = small_head()
    fit(network, toy_epoch, Schedule(epochs=2), silent)
    assert network.train_function.experimental_get_tracing_count() == 1


def test_progress_counts_every_step_of_all_epochs() -> None:
    told: list[tuple[int, int, str]] = []
    fit(small_head(), toy_epoch, Schedule(epochs=2), lambda *step: told.append(step))
    assert [step[:2] for step in told] == [(number, 6) for number in range(1, 7)]
    assert all(word.startswith("loss ") for _, _, word in told)


def test_each_batch_is_drawn_once_and_in_order() -> None:
    drawn: list[tuple[int, int]] = []

    def draw(epoch: int, step: int) -> Batch:
        drawn.append((epoch, step))
        return Batch(*separable(8))

    def epoch(number: int) -> list[partial[Batch]]:
        return [partial(draw, number, step) for step in range(3)]

    fit(small_head(), epoch, Schedule(epochs=2), silent)
    assert drawn == [(epoch, step) for epoch in range(2) for step in range(3)]


def test_an_error_in_drawing_a_batch_is_not_swallowed() -> None:
    def broken() -> Batch:
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        fit(small_head(), lambda _: [partial(Batch, *separable(8)), broken], Schedule(epochs=1), silent)


def test_callbacks_see_the_network_the_beginning_each_step_and_each_epochs_end() -> None:
    class Listener(load_keras().callbacks.Callback):  # type: ignore[misc] - tf_keras is not typed
        def __init__(self) -> None:
            super().__init__()
            self.heard: list[str] = []

        def on_train_begin(self, logs: object = None) -> None:  # noqa: ARG002 - Keras' own form
            self.heard.append("begin")

        def on_train_batch_begin(self, batch: int, logs: object = None) -> None:  # noqa: ARG002 - Keras' own form
            self.heard.append(f"step {batch}")

        def on_epoch_end(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002 - Keras' own form
            self.heard.append(f"end {epoch}")

    network, listener = small_head(), Listener()
    fit(network, toy_epoch, Schedule(epochs=2), silent, callbacks=(listener,))
    assert listener.model is network
    steps = ["step 0", "step 1", "step 2"]
    assert listener.heard == ["begin", *steps, "end 0", *steps, "end 1"]


@pytest.mark.parametrize("focal", [msgspec.UNSET, Focal(gamma=1.0, alpha=(1.0, 3.0))])
def test_class_weights_are_those_of_all_that_is_learnt_from_not_of_the_batch(focal: Any) -> None:
    schedule = msgspec.structs.replace(FROZEN, label_smoothing=0.0, class_weights="balanced", focal=focal)
    everything = np.eye(2, dtype=np.float32)[[0] * 9 + [1]]
    (loss,) = fit(identity(), once(Batch(LOGITS, LABELS)), schedule, silent, labels=everything)
    log, weights = log_softmax(LOGITS), np.array([10 / 18, 5.0])
    if focal is not msgspec.UNSET:
        weights = weights * (1.0, 3.0) * (1 - np.exp(log))
    assert loss == pytest.approx(-(weights * LABELS * log).sum(axis=1).mean(), rel=1e-4)


def test_one_clear_error_when_classes_are_to_be_weighed_and_none_are_given() -> None:
    schedule = msgspec.structs.replace(FROZEN, class_weights="balanced")
    with pytest.raises(BuilderError, match="no labels are given"):
        fit(identity(), once(Batch(LOGITS, LABELS)), schedule, silent)


@pytest.mark.parametrize("distillation", [None, Distillation(temperature=2.0, soft=0.7)])
def test_each_batch_is_mixed_by_its_own_place_and_learnt_as_mixed(distillation: Distillation | None) -> None:
    mixing = Mixing(mixup=1.0, seed=5)
    schedule = msgspec.structs.replace(FROZEN, epochs=3, mixing=mixing)
    plain = msgspec.structs.replace(FROZEN, epochs=1)
    warmth = 1.0 if distillation is None else 2.0
    batch = Batch(LOGITS, LABELS, TEACHER)
    losses = fit(identity(), once(batch), schedule, silent, distillation=distillation)
    for number, loss in enumerate(losses):
        mixed = mix_batch(batch, mixing, np.random.default_rng((5, number, 0)), warmth)
        assert (loss,) == pytest.approx(fit(identity(), once(mixed), plain, silent, distillation=distillation))
    assert len(set(losses)) == 3


def test_training_is_the_same_again_with_every_technique_on() -> None:
    schedule = Schedule(
        epochs=4,
        learning_rate=0.05,
        warmup=0.5,
        focal=Focal(),
        class_weights="balanced",
        mixing=Mixing(mixup=0.4, cutmix=1.0, chance=0.7),
        swa=Swa(epochs=2, learning_rate=0.01),
    )
    _, labels = separable()
    left = []
    for _ in range(2):
        network = small_head()
        fit(network, toy_epoch, schedule, silent, labels=labels)
        left.append(network.get_weights())
    for one, other in zip(*left, strict=True):
        np.testing.assert_array_equal(one, other)

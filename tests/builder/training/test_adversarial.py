from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from builder.data.clips import LABELS, Clip
from builder.data.decode import DecodedClip
from builder.errors import RecipeError
from builder.framework import load_keras, load_tensorflow
from builder.training.adversarial import (
    PAIR_SEED,
    Alignment,
    align_network,
    pair_domains,
    reverse_gradient,
    tune_aligned,
)
from builder.training.averaging import Swa
from builder.training.batch import Batch
from builder.training.fit import Schedule
from builder.training.loss import Focal
from builder.training.network import Network, join_network
from builder.training.precision import Precision, computing_in
from builder.training.stopping import Stopping
from builder.training.training_set import DegradedCopies, TrainingSet
from builder.training.views import Augmentation
from models.manifest import Preprocessing
from tests.builder import tiny_training
from tests.builder.tiny_training import GEOMETRY, silent

STILL = Augmentation(
    zoom=1.0, flip=0.0, speed=0.0, contrast=0.0, brightness=0.0, gain=0.0, noise=0.0, reverse=0.0, short=0.0
)


@pytest.mark.parametrize("factor", [0.0, 0.25, 1.0, 3.0])
def test_values_pass_and_their_gradient_is_turned(factor: float) -> None:
    tf = load_tensorflow()
    given = tf.constant([[0.5, -1.5], [2.0, 0.25]])
    with tf.GradientTape() as tape:
        tape.watch(given)
        passed = reverse_gradient(given, tf.constant(factor))
        loss = tf.reduce_sum(passed**3)
    np.testing.assert_array_equal(passed, given)
    np.testing.assert_allclose(tape.gradient(loss, given), -factor * 3 * np.square(given), rtol=1e-6)


@pytest.mark.parametrize(("steepness", "strength"), [(10.0, 1.0), (2.5, 0.3)])
def test_the_factor_rises_from_nothing_as_ganin_gives_it(steepness: float, strength: float) -> None:
    alignment = Alignment(steepness=steepness, strength=strength)
    shares = np.linspace(0, 1, 11)
    factors = [alignment.at(float(share)) for share in shares]
    np.testing.assert_allclose(factors, strength * (2 / (1 + np.exp(-steepness * shares)) - 1))
    assert factors[0] == 0
    assert (np.diff(factors) > 0).all()


def domain_gradients(network: Network, windows: Any, turned: float) -> tuple[list[Any], Any]:
    """Gradients of the domain's loss alone, by the encoder's weights and by the domain classifier's."""
    tf = load_tensorflow()
    load_keras().utils.set_random_seed(5)
    aligned = align_network(network, Alignment(hidden=4))
    aligned.factor.assign(turned)
    classifier = aligned.model.get_layer("domain").kernel
    encoder = network.encoder.trainable_variables
    with tf.GradientTape() as tape:
        aligned.model(windows, training=False)
        (loss,) = aligned.model.losses
    *found, told = tape.gradient(loss, [*encoder, classifier])
    return found, told


def test_the_encoders_gradient_is_the_plain_one_reversed_and_the_classifiers_is_not() -> None:
    network = tiny_training.make_network()
    windows = tiny_training.make_training(6).views(0, 0, range(6))
    # A factor of -1 leaves the gradient as it would be without the reversal.
    plain, told = domain_gradients(network, windows, -1.0)
    turned, told_too = domain_gradients(network, windows, 0.5)
    assert any(np.abs(gradient).max() > 1e-4 for gradient in plain)
    for one, other in zip(plain, turned, strict=True):
        np.testing.assert_allclose(other, -0.5 * np.asarray(one), rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(told_too, told, rtol=1e-4, atol=1e-7)


def test_the_domains_loss_is_the_cross_entropy_by_halves_of_the_batch() -> None:
    network = tiny_training.make_network()
    windows = tiny_training.make_training(6).views(0, 0, range(6))
    load_keras().utils.set_random_seed(5)
    aligned = align_network(network, Alignment())
    aligned.model(windows, training=True)
    (loss,) = aligned.model.losses
    told = load_keras().Model(aligned.model.input, domain_logits(aligned.model))(windows, training=True)
    logits = np.asarray(told)[:, 0]
    wanted = np.logaddexp(0, np.concatenate([logits[:3], -logits[3:]])).mean()
    assert float(loss) == pytest.approx(wanted, rel=1e-5)
    hits, count = aligned.right.numpy()
    assert (hits, count) == (np.sum(logits[:3] <= 0) + np.sum(logits[3:] > 0), 6)


def domain_logits(model: Any) -> Any:
    return model.get_layer("domain").output


TOY = Preprocessing(size=(8, 8), channels=("grey",), difference_gain=1.0, mean=128.0, scale=64.0)


def two_domains(count: int = 32, weights: Sequence[float] | None = None) -> TrainingSet:
    """Clips whose upper half tells the label; the copies' lower half is brighter, which tells the domain."""
    rng = np.random.default_rng(0)
    clips, copies = [], []
    for number in range(count):
        frames = rng.normal(110, 12, (12, 8, 8))
        frames[:, :4] += 30 * (number % 2)
        bright = frames + np.where(np.arange(8) >= 4, 30, 0)[:, None]
        times = np.arange(12) / 20
        clip = Clip(f"{number}.mp4", Path(f"{number}.mp4"), LABELS[1 - number % 2], f"s{number}")
        clips.append((clip, DecodedClip(times, frames.astype(np.uint8))))
        copies.append(DecodedClip(times, bright.astype(np.uint8)))
    return TrainingSet(clips, GEOMETRY, TOY, STILL, weights=weights, degraded=DegradedCopies(tuple(copies), 0.5))


def toy_network(seed: int) -> Network:
    """An encoder of one dense layer over the picture, and a head of one over time."""
    keras = load_keras()
    keras.utils.set_random_seed(seed)
    picture = keras.Input((8, 8, 1))
    encoder = keras.Model(picture, keras.layers.Dense(6)(keras.layers.Flatten()(picture)))
    window = keras.Input((GEOMETRY.samples, 6))
    head = keras.Model(window, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling1D()(window)))
    return join_network(encoder, head, GEOMETRY, TOY)


def test_the_domain_is_told_without_a_reversal_and_hardly_with_it_and_the_label_in_both() -> None:
    told, training = {}, two_domains()
    labels = training.labels().argmax(axis=1)
    for strength in (0.0, 1.0):
        network = toy_network(seed=1)
        schedule = Schedule(epochs=12, learning_rate=0.02, batch=16, averaging=0.8, weight_decay=0.0)
        run = tune_aligned(network, training, Alignment(strength=strength, hidden=8), schedule, 1, silent)
        assert len(run["tune"]) == len(run["domain_accuracy"]) == 12
        told[strength] = np.mean(run["domain_accuracy"][-5:])
        for share in (0.0, 1.0):
            windows = training.with_degraded(share).views(9, 0, range(32))
            judged = np.asarray(network.whole(windows, training=False)).argmax(axis=1)
            assert np.mean(judged == labels) > 0.95
    assert told[0.0] > 0.9
    assert told[1.0] < 0.75


def test_each_batch_is_clean_and_degraded_by_halves_with_the_clips_own_labels() -> None:
    training = two_domains()
    clean, degraded = (training.with_degraded(share) for share in (0.0, 1.0))
    batches = [draw() for draw in pair_domains(training, 8, 1)(2)]
    assert len(batches) == 8
    found = []
    for batch in batches:
        for place, (window, label) in enumerate(zip(batch.windows, batch.labels, strict=True)):
            domain, seed = (clean, 1) if place < 4 else (degraded, 1 + PAIR_SEED)
            (clip,) = [n for n in range(32) if np.array_equal(window, domain.view(seed, 2, n))]
            assert label.tolist() == training.labels()[clip].tolist()
            found.append((place < 4, clip))
    # Every clip once in either form.
    assert sorted(found) == [(first, clip) for first in (False, True) for clip in range(32)]


def test_clips_count_in_either_form_as_much_as_anywhere() -> None:
    training = two_domains(weights=[1.0] * 16 + [0.2] * 16)
    assert pair_domains(two_domains(), 8, 1)(2)[0]().weights is None
    for number, draw in enumerate(pair_domains(training, 8, 1)(2)):
        clean, degraded = (training.chunks(seed, 4, 2)[number] for seed in (1, 1 + PAIR_SEED))
        np.testing.assert_array_equal(draw().weights, training.epoch_weights([*clean, *degraded]))
    schedule = Schedule(epochs=1, learning_rate=0.02, batch=16, averaging=0.8, weight_decay=0.0)
    tune_aligned(toy_network(seed=1), training, Alignment(hidden=8), schedule, 1, silent)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    ("asked", "epochs"),
    [
        ({"swa": Swa(epochs=1, learning_rate=1e-3)}, {3}),
        ({"stopping": Stopping(patience=1), "class_weights": "balanced", "focal": Focal(gamma=1.0)}, {2, 3}),
    ],
)
def test_a_schedule_does_what_it_says_while_domains_are_aligned(
    precision: Precision, asked: dict[str, Any], epochs: set[int]
) -> None:
    training = two_domains(8)
    training.held_out = Batch(training.views(9, 0, range(5)), training.labels(range(5)))
    with computing_in(precision):
        network = toy_network(seed=1)
    schedule = Schedule(epochs=3, learning_rate=0.02, batch=8, **asked)
    run = tune_aligned(network, training, Alignment(hidden=4), schedule, 1, silent)
    assert len(run["tune"]) == len(run["domain_accuracy"])
    assert len(run["tune"]) in epochs
    assert np.isfinite(run["tune"]).all()


def test_one_clear_error_when_there_are_no_degraded_copies() -> None:
    schedule = Schedule(epochs=1)
    with pytest.raises(RecipeError, match=r"\[degradation\]"):
        tune_aligned(tiny_training.make_network(), tiny_training.make_training(), Alignment(), schedule, 1, silent)


def test_alignment_is_left_out_of_what_is_hashed_while_it_is_off() -> None:
    class Keys(msgspec.Struct):
        alignment: Alignment | msgspec.UnsetType = msgspec.UNSET

    assert msgspec.json.encode(Keys()) == b"{}"

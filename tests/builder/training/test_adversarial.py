from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from builder.data.decode import DecodedClip
from builder.errors import RecipeError
from builder.framework import load_keras, load_tensorflow
from builder.training.adversarial import Alignment, align_network, reverse_gradient, tune_aligned
from builder.training.fit import Schedule
from builder.training.network import Network
from builder.training.training_set import DegradedCopies, TrainingSet
from builder.training.views import Augmentation
from tests.builder import tiny_training
from tests.builder.tiny_training import GEOMETRY, PREPROCESSING, silent

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


def two_domains(count: int = 8) -> TrainingSet:
    """Clips that shake or stand still; copies are the same with half the contrast and a flicker, so that both the label
    and the domain can be told."""
    plain = tiny_training.make_training(count)
    rng = np.random.default_rng(7)
    flicker = rng.integers(-12, 13, (20, 40, 40))
    decoded = plain._decoded
    copies = tuple(
        DecodedClip(clip.times_s, np.clip(clip.frames // 2 + 64 + flicker, 0, 255).astype(np.uint8)) for clip in decoded
    )
    clips = list(zip(plain.clips, decoded, strict=True))
    return TrainingSet(clips, GEOMETRY, PREPROCESSING, STILL, DegradedCopies(copies, 0.5))


def trained_accuracies(strength: float, epochs: int = 14) -> tuple[float, ...]:
    network = tiny_training.make_network(blocks=1)
    schedule = Schedule(epochs=epochs, learning_rate=6e-3, batch=16, averaging=0.1, weight_decay=0.0)
    told = tune_aligned(network, two_domains(), Alignment(strength=strength), schedule, 1, silent)
    assert len(told["tune"]) == epochs
    return told["domain_accuracy"]


def test_the_domain_is_told_without_a_reversal_and_no_longer_with_it() -> None:
    assert np.mean(trained_accuracies(0.0)[-4:]) > 0.9
    assert np.mean(trained_accuracies(3.0)[-4:]) < 0.75


def test_each_batch_is_clean_and_degraded_by_halves_with_the_clips_own_labels() -> None:
    training = two_domains()
    clean, degraded = training.with_degraded(0.0), training.with_degraded(1.0)
    for clip in range(8):
        assert not np.array_equal(clean.view(1, 0, clip), degraded.view(1, 0, clip))
    assert training.labels().tolist() == degraded.labels().tolist()


def test_one_clear_error_when_there_are_no_degraded_copies() -> None:
    schedule = Schedule(epochs=1)
    with pytest.raises(RecipeError, match=r"\[degradation\]"):
        tune_aligned(tiny_training.make_network(), tiny_training.make_training(), Alignment(), schedule, 1, silent)


def test_alignment_is_left_out_of_what_is_hashed_while_it_is_off() -> None:
    class Keys(msgspec.Struct):
        alignment: Alignment | msgspec.UnsetType = msgspec.UNSET

    assert msgspec.json.encode(Keys()) == b"{}"

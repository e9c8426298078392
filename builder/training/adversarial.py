"""Clean and degraded clips made indistinguishable to what the encoder says of them, by a reversed gradient.

Source: Ganin et al., Domain-adversarial training of neural networks (JMLR 2016). A small classifier learns to tell from
a window's embeddings, averaged over time, whether the clip was degraded; the gradient that reaches the encoder from it
is reversed, so that the encoder learns to leave it guessing. There the labels of the other domain are unknown; here a
degraded copy has its clip's label, and both halves of a batch are learnt from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import msgspec
import numpy as np

from builder.framework import load_keras, load_tensorflow
from builder.training.batch import Batch
from builder.training.fit import Progress, Schedule, fit
from builder.training.network import Network
from builder.training.training_set import TrainingSet

if TYPE_CHECKING:
    import tf_keras

PAIR_SEED = 4_000_037


class Alignment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``strength`` is what the reversed gradient is multiplied by at the end; it rises as
    ``strength * (2 / (1 + exp(-steepness * p)) - 1)`` while ``p`` goes from 0 to 1 over the training. ``hidden`` is the
    width of the domain classifier's one hidden layer."""

    strength: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    steepness: Annotated[float, msgspec.Meta(gt=0)] = 10.0
    hidden: Annotated[int, msgspec.Meta(ge=1)] = 64

    def at(self, progress: float) -> float:
        """The factor at a share of the training in [0, 1]."""
        return self.strength * (2 / (1 + float(np.exp(-self.steepness * progress))) - 1)


class Aligned(NamedTuple):
    """``model``, a network's whole with the domain's loss added; ``factor``, the variable that the reversed gradient is
    multiplied by; and ``right``, the counts ``(2,)`` of windows whose domain was told, rightly and at all."""

    model: tf_keras.Model
    factor: Any
    right: Any


def reverse_gradient(values: Any, factor: Any) -> Any:  # noqa: ANN401 - symbolic tensors
    """``values`` as they are, whose gradient is multiplied by ``-factor`` on its way back."""
    tf = load_tensorflow()

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def reversed_(x: Any) -> tuple[Any, Callable[[Any], Any]]:  # noqa: ANN401 - symbolic tensors
        return tf.identity(x), lambda upstream: -factor * upstream

    return reversed_(values)


def align_network(network: Network, alignment: Alignment) -> Aligned:
    """Add the domain classifier and its loss to a network, whose weights are shared.

    Batches are laid out by halves: the first is clean, the second degraded.
    """
    keras, tf = load_keras(), load_tensorflow()
    factor = tf.Variable(0.0, trainable=False, name="reversal")
    right = tf.Variable([0.0, 0.0], trainable=False, name="domains_told")
    window = network.whole.input
    embeddings = network.whole.get_layer("time").output
    pooled = keras.layers.GlobalAveragePooling1D(name="domain_pool")(embeddings)
    turned = keras.layers.Lambda(lambda x: reverse_gradient(x, factor), name="reverse_gradient")(pooled)
    hidden = keras.layers.Dense(alignment.hidden, "relu", name="domain_hidden")(turned)
    told = keras.layers.Dense(1, name="domain")(hidden)
    model = keras.Model(window, network.head(embeddings), name="aligned")

    def loss(logits: Any, training: bool | None = None) -> Any:  # noqa: ANN401 - Keras' own form
        count = tf.shape(logits)[0]
        degraded = tf.cast(tf.range(count)[:, None] >= count // 2, tf.float32)
        hits = tf.reduce_sum(tf.cast(tf.equal(logits > 0, degraded > 0), tf.float32))
        if training:
            right.assign_add(tf.stack([hits, tf.cast(count, tf.float32)]))
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(degraded, logits))

    model.add_loss(keras.layers.Lambda(loss, name="domain_loss")(told))
    return Aligned(model, factor, right)


def tune_aligned(
    network: Network, training: TrainingSet, alignment: Alignment, tune: Schedule, seed: int, progress: Progress
) -> dict[str, tuple[float, ...]]:
    """Tune ``network`` in place on clean and degraded views by halves; an epoch shows each clip once in either form.

    Returns per epoch the mean loss (the domain's included) as ``tune`` and the share of windows whose domain the
    classifier told as ``domain_accuracy``, which is 0.5 where it guesses. Raises ``RecipeError`` when the training set
    has no degraded copies.
    """
    epoch = pair_domains(training, tune.batch, seed)
    aligned = align_network(network, alignment)
    follower = _follow(aligned, alignment, steps=len(epoch(0)) * tune.epochs)
    losses = fit(
        aligned.model,
        epoch,
        tune,
        progress,
        callbacks=(follower.callback,),
        labels=training.labels(),
        held_out=training.held_out,
    )
    return {"tune": losses, "domain_accuracy": tuple(follower.accuracies)}


def pair_domains(training: TrainingSet, batch: int, seed: int) -> Callable[[int], list[Callable[[], Batch]]]:
    """Epochs whose batches are clean in the first half and degraded in the second, of clips drawn apart."""
    clean, degraded = training.with_degraded(0.0), training.with_degraded(1.0)
    half = max(1, batch // 2)

    def epoch(number: int) -> list[Callable[[], Batch]]:
        pairs = zip(clean.epoch(seed, half, number), degraded.epoch(seed + PAIR_SEED, half, number), strict=True)
        return [partial(_pair, one, other) for one, other in pairs]

    return epoch


def _pair(clean: Callable[[], Batch], degraded: Callable[[], Batch]) -> Batch:
    one, other = clean(), degraded()
    windows = np.concatenate([one.windows, other.windows])
    labels = np.concatenate([one.labels, other.labels])
    alike = one.weights is None or other.weights is None
    return Batch(windows, labels, weights=None if alike else np.concatenate([one.weights, other.weights]))


class _Follower(NamedTuple):
    callback: tf_keras.callbacks.Callback
    accuracies: Sequence[float]


def _follow(aligned: Aligned, alignment: Alignment, steps: int) -> _Follower:
    """What raises the factor step by step and notes the domain classifier's accuracy epoch by epoch."""
    accuracies: list[float] = []
    done = iter(range(steps))

    def before_step(*_: object, **__: object) -> None:
        aligned.factor.assign(alignment.at(next(done) / steps))

    def after_epoch(*_: object, **__: object) -> None:
        hits, count = aligned.right.numpy()
        accuracies.append(float(hits / count))
        aligned.right.assign([0.0, 0.0])

    callback = load_keras().callbacks.LambdaCallback(on_epoch_end=after_epoch, on_batch_begin=before_step)
    return _Follower(callback, accuracies)

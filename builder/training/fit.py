"""One training loop for every network: members, student, and the student while it is pruned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.framework import load_keras, load_tensorflow

if TYPE_CHECKING:
    import tf_keras


class Schedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """AdamW under a cosine schedule with one epoch of warm-up, and an exponential moving average of the weights.

    Sources: Loshchilov & Hutter, SGDR (2017) and decoupled weight decay (2019); Polyak & Juditsky (1992).
    """

    epochs: int
    learning_rate: float = 6e-4
    batch: int = 6
    weight_decay: float = 0.02
    averaging: float = 0.98
    label_smoothing: float = 0.1


class Batch(NamedTuple):
    """``windows (B, T, H, W, C) uint8`` (or, for a head alone, ``(B, T, D) float32``), hard ``labels (B, 2) float32``
    and the teacher's ``logits (B, 2) float32`` (None while there is no teacher)."""

    windows: NDArray[np.uint8] | NDArray[np.float32]
    labels: NDArray[np.float32]
    logits: NDArray[np.float32] | None = None


class Distillation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hinton, Vinyals & Dean (2015): ``soft`` of the loss is the cross-entropy to the teacher's softened
    probabilities, scaled by the squared temperature; the rest is the hard label's."""

    temperature: float = 2.0
    soft: float = 0.7


Progress = Callable[[int, int, str], None]
"""Called with steps done, steps in all and a word on how it goes."""


def fit(
    model: tf_keras.Model,
    epoch: Callable[[int], Sequence[Callable[[], Batch]]],
    schedule: Schedule,
    progress: Progress,
    *,
    distillation: Distillation | None = None,
    callbacks: Sequence[tf_keras.callbacks.Callback] = (),
) -> tuple[float, ...]:
    """Train ``model`` (windows to logits) and leave the averaged weights in it; returns the mean loss per epoch.

    ``epoch(number)`` gives that epoch's batches as calls that make them, so that the next is drawn while one trains.
    """
    if not schedule.epochs:
        return ()
    steps = len(epoch(0))
    total = steps * schedule.epochs
    optimizer = _optimizer(schedule, steps, total)
    model.compile(optimizer, _loss(schedule, distillation))
    for callback in callbacks:
        callback.set_model(model)
        callback.on_train_begin()
    losses = []
    for number in range(schedule.epochs):
        total_loss = 0.0
        for step, batch in enumerate(_ahead(epoch(number))):
            for callback in callbacks:
                callback.on_train_batch_begin(step)
            total_loss += float(model.train_on_batch(batch.windows, _targets(batch)))
            progress(number * steps + step + 1, total, f"loss {total_loss / (step + 1):.3f}")
        for callback in callbacks:
            callback.on_epoch_end(number)
        losses.append(total_loss / steps)
    optimizer.finalize_variable_values(model.trainable_variables)
    return tuple(losses)


def _ahead(makers: Sequence[Callable[[], Batch]]) -> Iterator[Batch]:
    with ThreadPoolExecutor(max_workers=1) as drawer:
        waiting = drawer.submit(makers[0])
        for maker in makers[1:]:
            batch, waiting = waiting.result(), drawer.submit(maker)
            yield batch
        yield waiting.result()


def _optimizer(schedule: Schedule, steps: int, total: int) -> tf_keras.optimizers.Optimizer:
    optimizers = load_keras().optimizers
    rate = optimizers.schedules.CosineDecay(
        0.0, max(1, total - steps), alpha=0.01, warmup_target=schedule.learning_rate, warmup_steps=steps
    )
    return optimizers.AdamW(rate, weight_decay=schedule.weight_decay, use_ema=True, ema_momentum=schedule.averaging)


def _targets(batch: Batch) -> NDArray[np.float32]:
    logits = batch.logits if batch.logits is not None else np.zeros_like(batch.labels)
    return np.concatenate([batch.labels, logits], axis=1)


def _loss(schedule: Schedule, distillation: Distillation | None) -> Callable[[Any, Any], Any]:
    tf = load_tensorflow()

    def loss(targets: Any, logits: Any) -> Any:  # noqa: ANN401 - symbolic tensors
        labels, teacher = tf.split(targets, 2, axis=1)
        smooth = labels * (1 - schedule.label_smoothing) + schedule.label_smoothing / 2
        hard = tf.nn.softmax_cross_entropy_with_logits(smooth, logits)
        if distillation is None:
            return hard
        warmth = distillation.temperature
        soft = tf.nn.softmax_cross_entropy_with_logits(tf.nn.softmax(teacher / warmth), logits / warmth)
        return (1 - distillation.soft) * hard + distillation.soft * warmth**2 * soft

    return loss

"""One training loop for every network: members, student, and the student while it is pruned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.errors import BuilderError
from builder.training.averaging import Average, ExponentialAverage, StochasticAverage, refresh_statistics
from builder.training.batch import Batch
from builder.training.loss import Distillation, balanced_weights, hinted, make_loss
from builder.training.mixing import Mixing, mix_batch
from builder.training.schedule import Schedule, prepare
from builder.training.stopping import BestWeights

if TYPE_CHECKING:
    import tf_keras

__all__ = ["Batch", "Distillation", "Epoch", "Progress", "Schedule", "fit"]

Progress = Callable[[int, int, str], None]
"""Called with steps done, steps in all and a word on how it goes."""
Epoch = Callable[[int], Sequence[Callable[[], Batch]]]
"""An epoch's batches by its number, as calls that make them."""


def fit(
    model: tf_keras.Model,
    epoch: Epoch,
    schedule: Schedule,
    progress: Progress,
    *,
    distillation: Distillation | None = None,
    callbacks: Sequence[tf_keras.callbacks.Callback] = (),
    labels: NDArray[np.float32] | None = None,
    held_out: Batch | None = None,
    hint: float = 0.0,
) -> tuple[float, ...]:
    """Train ``model`` (windows to logits; with a ``hint``, what ``expose_embeddings`` gives) and leave the averaged
    weights in it; returns the mean loss per epoch.

    ``epoch(number)`` gives that epoch's batches as calls that make them, so that the next is drawn while one trains.
    Class weights need the ``labels (N, 2)`` of all that is learnt from, early stopping a batch ``held_out`` of what
    nothing is learnt from; raises ``BuilderError`` when they are missing.
    """
    if not schedule.epochs:
        return ()
    steps = len(epoch(0))
    optimizer = prepare(model, schedule, steps, _loss(schedule, distillation, labels, hint))
    average = _average(schedule, model, optimizer)
    best = _best(schedule, model, average, held_out)
    batches = _mixed(epoch, schedule, distillation)
    losses: list[float] = []
    _begin(callbacks, model)
    for number in range(schedule.epochs):
        told = partial(_tell, progress, number * steps, schedule.epochs * steps)
        losses.append(_train_epoch(model, number, batches, callbacks, told))
        average.follow(number)
        if best is not None and best.judge():
            break
    (best or average).lay()
    if schedule.swa is not msgspec.UNSET:
        refresh_statistics(model, (batch.windows for batch in _ahead(epoch(schedule.epochs - 1))))
    return tuple(losses)


def _begin(callbacks: Sequence[tf_keras.callbacks.Callback], model: tf_keras.Model) -> None:
    for callback in callbacks:
        callback.set_model(model)
        callback.on_train_begin()


def _train_epoch(
    model: tf_keras.Model,
    number: int,
    epoch: Epoch,
    callbacks: Sequence[tf_keras.callbacks.Callback],
    told: Callable[[int, float], None],
) -> float:
    total, makers = 0.0, epoch(number)
    for step, batch in enumerate(_ahead(makers)):
        for callback in callbacks:
            callback.on_train_batch_begin(step)
        total += float(model.train_on_batch(batch.windows, _targets(batch), sample_weight=batch.weights))
        told(step + 1, total / (step + 1))
    for callback in callbacks:
        callback.on_epoch_end(number)
    return total / len(makers)


def _tell(progress: Progress, before: int, total: int, step: int, loss: float) -> None:
    progress(before + step, total, f"loss {loss:.3f}")


def _ahead(makers: Sequence[Callable[[], Batch]]) -> Iterator[Batch]:
    with ThreadPoolExecutor(max_workers=1) as drawer:
        waiting = drawer.submit(makers[0])
        for maker in makers[1:]:
            batch, waiting = waiting.result(), drawer.submit(maker)
            yield batch
        yield waiting.result()


def _targets(batch: Batch) -> NDArray[np.float32]:
    logits = batch.logits if batch.logits is not None else np.zeros_like(batch.labels)
    hints = () if batch.embeddings is None else (batch.embeddings.reshape(len(logits), -1),)
    return np.concatenate([batch.labels, logits, *hints], axis=1)


def _loss(
    schedule: Schedule, distillation: Distillation | None, labels: NDArray[np.float32] | None, hint: float
) -> Callable[[Any, Any], Any]:
    weights = None
    if schedule.class_weights is not msgspec.UNSET:
        if labels is None:
            raise BuilderError("class_weights are asked and no labels are given; pass those of all that is learnt from")
        weights = balanced_weights(labels)
    focal = None if schedule.focal is msgspec.UNSET else schedule.focal
    loss = make_loss(schedule.label_smoothing, focal=focal, weights=weights, distillation=distillation)
    return hinted(loss, hint) if hint else loss


def _average(
    schedule: Schedule, model: tf_keras.Model, optimizer: tf_keras.optimizers.Optimizer
) -> ExponentialAverage | StochasticAverage:
    if schedule.swa is msgspec.UNSET:
        return ExponentialAverage(model, optimizer)
    return StochasticAverage(model, schedule.epochs - schedule.swa.epochs, schedule.swa.cycle)


def _best(schedule: Schedule, model: tf_keras.Model, average: Average, held_out: Batch | None) -> BestWeights | None:
    if schedule.stopping is msgspec.UNSET:
        return None
    if held_out is None:
        raise BuilderError("stopping is asked and nothing is held out to stop by; give the recipe [validation]")
    return BestWeights(model, average, schedule.stopping, held_out)


def _mixed(epoch: Epoch, schedule: Schedule, distillation: Distillation | None) -> Epoch:
    mixing = schedule.mixing
    if mixing is msgspec.UNSET:
        return epoch
    warmth = 1.0 if distillation is None else distillation.temperature

    def mixed(number: int) -> list[Callable[[], Batch]]:
        return [partial(_mix, maker, mixing, (number, step), warmth) for step, maker in enumerate(epoch(number))]

    return mixed


def _mix(maker: Callable[[], Batch], mixing: Mixing, place: tuple[int, int], warmth: float) -> Batch:
    return mix_batch(maker(), mixing, np.random.default_rng((mixing.seed, *place)), warmth)

"""How long and how fast a network is trained, and what is done to its loss, its batches and its weights meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from builder.framework import load_keras, load_tensorflow
from builder.training.averaging import Swa
from builder.training.loss import Focal
from builder.training.mixing import Mixing
from builder.training.stopping import Stopping

if TYPE_CHECKING:
    import tf_keras

LAST_RATE = 0.01


class Schedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """AdamW under a cosine schedule after ``warmup`` epochs (one) of rising rate, and an exponential moving average of
    the weights. What is not set is not done, and leaves no trace in what stages are keyed by.

    Sources: Loshchilov & Hutter, SGDR (2017) and decoupled weight decay (2019); Goyal et al., gradual warm-up (2017);
    Polyak & Juditsky (1992); Szegedy et al., label smoothing (2016). Raises ``ValueError`` when stochastic weight
    averaging leaves no epoch before it or is asked together with early stopping.
    """

    epochs: int
    learning_rate: float = 6e-4
    batch: int = 6
    weight_decay: float = 0.02
    averaging: float = 0.98
    label_smoothing: float = 0.1
    warmup: Annotated[float, msgspec.Meta(ge=0)] | msgspec.UnsetType = msgspec.UNSET
    focal: Focal | msgspec.UnsetType = msgspec.UNSET
    class_weights: Literal["balanced"] | msgspec.UnsetType = msgspec.UNSET
    mixing: Mixing | msgspec.UnsetType = msgspec.UNSET
    swa: Swa | msgspec.UnsetType = msgspec.UNSET
    stopping: Stopping | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        if self.swa is msgspec.UNSET:
            return
        if self.swa.epochs >= self.epochs:
            raise ValueError(
                f"swa.epochs is {self.swa.epochs} of {self.epochs} epochs; the last ones are averaged, so give fewer"
            )
        if self.stopping is not msgspec.UNSET:
            raise ValueError("swa and stopping are both set; an average of the last epochs needs all of them, keep one")


def prepare(
    model: tf_keras.Model, schedule: Schedule, steps: int, loss: str | Callable[[Any, Any], Any]
) -> tf_keras.optimizers.Optimizer:
    """Compile ``model`` to be trained on ``loss`` by AdamW for ``schedule``, at so many ``steps`` an epoch."""
    optimizer = _optimizer(schedule, steps)
    model.compile(optimizer, loss)
    # A first step that has to make the optimizer's variables is traced a second time without making them.
    optimizer.build(model.trainable_variables)
    return optimizer


def _optimizer(schedule: Schedule, steps: int) -> tf_keras.optimizers.Optimizer:
    optimizers = load_keras().optimizers
    warmup = steps if schedule.warmup is msgspec.UNSET else round(schedule.warmup * steps)
    averaged = 0 if schedule.swa is msgspec.UNSET else schedule.swa.epochs * steps
    total = schedule.epochs * steps
    rate = optimizers.schedules.CosineDecay(
        0.0,
        max(1, total - averaged - warmup),
        alpha=LAST_RATE,
        warmup_target=schedule.learning_rate,
        warmup_steps=warmup,
    )
    if schedule.swa is not msgspec.UNSET:
        rate = _averaged_rate(rate, schedule.swa, schedule.learning_rate, steps, total - averaged)
    return optimizers.AdamW(
        rate,
        weight_decay=schedule.weight_decay,
        use_ema=schedule.swa is msgspec.UNSET,
        ema_momentum=schedule.averaging,
    )


def _averaged_rate(before: Any, swa: Swa, highest: float, steps: int, start: int) -> Any:  # noqa: ANN401 - Keras' schedules
    """``before`` up to the step ``start``; from there constant, or falling anew in each cycle from ``highest``."""
    tf = load_tensorflow()

    class AveragedRate(load_keras().optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # not typed
        def __call__(self, step: Any) -> Any:  # noqa: ANN401 - a symbolic tensor
            done = tf.cast(step, tf.float32) - start
            length = max(1, swa.cycle * steps)
            passed = (tf.math.floormod(done, length) + 1) / length if swa.cycle else 1.0
            return tf.where(done < 0, before(step), (1 - passed) * highest + passed * swa.learning_rate)

        def get_config(self) -> dict[str, Any]:
            return {"start": start, "highest": highest, **msgspec.to_builtins(swa)}

    return AveragedRate()

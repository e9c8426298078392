"""An encoder that learns to embed single panes as another one does: no label, no window and no head is needed.

Source: Romero et al., FitNets (ICLR 2015), with the last layer as the hint and nothing else to learn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from builder.framework import load_keras
from builder.training.averaging import ExponentialAverage
from builder.training.schedule import Schedule, prepare
from builder.training.training_set import shuffled
from models.manifest import Preprocessing
from models.preprocessing import normalise

if TYPE_CHECKING:
    import tf_keras

    from builder.training.fit import Progress


def imitate(
    encoder: tf_keras.Model,
    panes: NDArray[np.uint8],
    wanted: NDArray[np.float32],
    schedule: Schedule,
    preprocessing: Preprocessing,
    seed: int,
    progress: Progress,
    after_step: Callable[[], None] | None = None,
) -> tuple[float, ...]:
    """Train ``encoder`` in place to embed ``panes (N, H, W, C)`` as ``wanted (N, D)``; returns the mean loss per epoch.

    ``after_step`` may lay hands on the weights after each batch. All layers learn but
    batch normalisations; the averaged weights are left. Of the schedule ``epochs``,
    ``learning_rate``, ``batch``, ``weight_decay``, ``averaging`` and ``warmup`` count.
    """
    could = [layer.trainable for layer in encoder.layers]
    for layer in encoder.layers:
        layer.trainable = not isinstance(layer, load_keras().layers.BatchNormalization)
    steps = len(shuffled(len(panes), schedule.batch, (seed, 0)))
    optimizer = prepare(encoder, schedule, steps, "mse")
    losses: list[float] = []
    for epoch in range(schedule.epochs):
        total = 0.0
        for step, rows in enumerate(shuffled(len(panes), schedule.batch, (seed, epoch)), 1):
            total += float(encoder.train_on_batch(normalise(panes[rows], preprocessing), wanted[rows]))
            if after_step is not None:
                after_step()
            progress(epoch * steps + step, schedule.epochs * steps, f"loss {total / step:.3f}")
        losses.append(total / steps)
    ExponentialAverage(encoder, optimizer).lay()
    for layer, trainable in zip(encoder.layers, could, strict=True):
        layer.trainable = trainable
    return tuple(losses)

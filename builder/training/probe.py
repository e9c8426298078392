"""Training a head on embeddings that are computed once: a probe of what the encoder knows before it is changed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from builder.framework import load_tensorflow
from builder.training.fit import Batch, Distillation, Progress, Schedule, fit
from builder.training.training_set import TrainingSet, shuffled
from models.manifest import Preprocessing

if TYPE_CHECKING:
    import tf_keras

PROBE_SEED = 1_000_003
BATCH = 16


def embed(encoder: tf_keras.Model, windows: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Embeddings ``(M, T, D) float32`` of windows of samples ``(M, T, H, W, C) uint8``."""
    tf = load_tensorflow()
    count, length = windows.shape[:2]
    flat = windows.reshape(count * length, *windows.shape[2:])
    call = tf.function(lambda x: encoder((tf.cast(x, tf.float32) - preprocessing.mean) / preprocessing.scale))
    step = BATCH * length
    parts = [call(flat[start : start + step]).numpy() for start in range(0, len(flat), step)]
    return np.concatenate(parts).reshape(count, length, -1)


def embed_views(
    encoder: tf_keras.Model, training: TrainingSet, views: int, preprocessing: Preprocessing, progress: Progress
) -> NDArray[np.float32]:
    """Embeddings ``(views * N, T, D) float32`` of ``views`` drawn views of each of the ``N`` clips."""
    parts = []
    for number in range(views):
        windows = training.views(PROBE_SEED, number, range(len(training)))
        parts.append(embed(encoder, windows, preprocessing))
        progress(number + 1, views, "embedding views")
    return np.concatenate(parts)


def train_probe(
    head: tf_keras.Model,
    embeddings: NDArray[np.float32],
    labels: NDArray[np.float32],
    schedule: Schedule,
    seed: int,
    progress: Progress,
    *,
    teacher: NDArray[np.float32] | None = None,
    distillation: Distillation | None = None,
) -> tuple[float, ...]:
    """Train ``head`` on embeddings ``(M, T, D)`` with one-hot ``labels (M, 2)`` and, when there is one, the
    ``teacher``'s logits ``(M, 2)``; returns the mean loss per epoch."""

    def batch(rows: NDArray[np.intp]) -> Batch:
        return Batch(embeddings[rows], labels[rows], teacher[rows] if teacher is not None else None)

    def epoch(number: int) -> list[partial[Batch]]:
        return [partial(batch, rows) for rows in shuffled(len(embeddings), schedule.batch, (seed, number))]

    return fit(head, epoch, schedule, progress, distillation=distillation)

"""Training a head on embeddings that are computed once: a probe of what the encoder knows before it is changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from builder.training.fit import Batch, Distillation, Progress, Schedule, fit
from builder.training.network import traced
from builder.training.training_set import TrainingSet, shuffled
from models.manifest import Preprocessing
from models.preprocessing import normalise

if TYPE_CHECKING:
    import tf_keras

PROBE_SEED = 1_000_003
# A batch whose feature maps fit a core's cache: 32 panes are embedded a tenth to a quarter faster than 256 are.
PANES = 32


def embedder(
    encoder: tf_keras.Model, preprocessing: Preprocessing
) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """What embeds windows of samples ``(M, T, H, W, C) uint8`` to ``(M, T, D) float32``; traced once for all calls."""
    encode = traced(encoder)

    def embed(windows: NDArray[np.uint8]) -> NDArray[np.float32]:
        count, length = windows.shape[:2]
        flat = windows.reshape(-1, *preprocessing.pane_shape)
        parts = [
            encode(normalise(flat[start : start + PANES], preprocessing)).numpy()
            for start in range(0, len(flat), PANES)
        ]
        # An encoder of mixed precision gives half floats, in which a variance soon overflows.
        return np.concatenate(parts).astype(np.float32, copy=False).reshape(count, length, -1)

    return embed


def embed_views(
    encoder: tf_keras.Model,
    training: TrainingSet,
    views: int,
    preprocessing: Preprocessing,
    progress: Progress,
    seed: int = PROBE_SEED,
) -> NDArray[np.float32]:
    """Embeddings ``(views * N, T, D) float32`` of ``views`` views of each of the ``N`` clips, drawn by ``seed``."""
    embed = embedder(encoder, preprocessing)
    parts = []
    for number in range(views):
        parts.append(embed(training.views(seed, number, range(len(training)))))
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
    held_out: Batch | None = None,
    callbacks: Sequence[tf_keras.callbacks.Callback] = (),
    weights: NDArray[np.float32] | None = None,
) -> tuple[float, ...]:
    """Train ``head`` on embeddings ``(M, T, D)`` with one-hot ``labels (M, 2)`` and, when there are any, the
    ``teacher``'s logits ``(M, 2)`` and ``weights (M,)``, judged by ``held_out`` embeddings; returns the mean loss per
    epoch."""

    def batch(rows: NDArray[np.intp]) -> Batch:
        taught = None if teacher is None else teacher[rows]
        return Batch(embeddings[rows], labels[rows], taught, weights=None if weights is None else weights[rows])

    def epoch(number: int) -> list[partial[Batch]]:
        return [partial(batch, rows) for rows in shuffled(len(embeddings), schedule.batch, (seed, number))]

    return fit(
        head,
        epoch,
        schedule,
        progress,
        distillation=distillation,
        callbacks=callbacks,
        labels=labels,
        held_out=held_out,
    )

"""One member of the ensemble: a probe first, then the whole network tuned."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from builder.framework import load_keras
from builder.training.adversarial import Alignment, tune_aligned
from builder.training.curriculum import Curriculum, difficulty, paced_epoch
from builder.training.fit import Progress, Schedule, fit
from builder.training.held_out import embed_held_out
from builder.training.network import Network, standardise
from builder.training.probe import train_probe
from builder.training.training_set import TrainingSet, repeated


def train_member(
    network: Network,
    training: TrainingSet,
    embeddings: NDArray[np.float32],
    probe: Schedule,
    tune: Schedule | None,
    seed: int,
    progress: Progress,
    *,
    alignment: Alignment | None = None,
    curriculum: Curriculum | None = None,
) -> dict[str, tuple[float, ...]]:
    """Train ``network`` in place; ``embeddings`` are those of ``embed_views`` by its own, still untouched encoder.

    Without ``tune`` the encoder stays as it is; with an ``alignment`` the whole is tuned by ``tune_aligned``, which
    knows of no ``curriculum``. Returns the losses per epoch of ``probe`` and ``tune``, and what else the tuning tells.
    """
    load_keras().utils.set_random_seed(seed)
    views = len(embeddings) // len(training)
    labels, weights = np.tile(training.labels(), (views, 1)), repeated(training.weights(), views)
    standard = standardise(network, embeddings)
    held_out = embed_held_out(network, training.held_out, training.preprocessing)
    probed = train_probe(network.head, standard, labels, probe, seed, progress, held_out=held_out, weights=weights)
    if tune is None:
        return {"probe": probed}
    if alignment is not None:
        return {"probe": probed, **tune_aligned(network, training, alignment, tune, seed, progress)}
    epoch = partial(training.epoch, seed, tune.batch)
    if curriculum is not None:
        hardness = difficulty(network.head, standard, labels, len(training))
        epoch = partial(paced_epoch, training, curriculum, hardness, seed, tune.batch, tune.epochs)
    tuned = fit(
        network.whole,
        epoch,
        tune,
        progress,
        labels=training.labels(),
        held_out=training.held_out,
    )
    return {"probe": probed, "tune": tuned}

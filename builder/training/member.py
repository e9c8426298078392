"""One member of the ensemble: a probe first, then the whole network tuned."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from builder.framework import load_keras
from builder.training.adversarial import Alignment, tune_aligned
from builder.training.fit import Progress, Schedule, fit
from builder.training.network import Network, standardise
from builder.training.probe import train_probe
from builder.training.training_set import TrainingSet


def train_member(
    network: Network,
    training: TrainingSet,
    embeddings: NDArray[np.float32],
    probe: Schedule,
    tune: Schedule,
    seed: int,
    progress: Progress,
    *,
    alignment: Alignment | None = None,
) -> dict[str, tuple[float, ...]]:
    """Train ``network`` in place; ``embeddings`` are those of ``embed_views`` by its own, still untouched encoder.

    With an ``alignment`` the whole is tuned by ``tune_aligned``. Returns the losses per epoch of ``probe`` and
    ``tune``, and what else the tuning tells.
    """
    load_keras().utils.set_random_seed(seed)
    labels = np.tile(training.labels(), (len(embeddings) // len(training), 1))
    probed = train_probe(network.head, standardise(network, embeddings), labels, probe, seed, progress)
    if alignment is not None:
        return {"probe": probed, **tune_aligned(network, training, alignment, tune, seed, progress)}
    tuned = fit(network.whole, lambda number: training.epoch(seed, tune.batch, number), tune, progress)
    return {"probe": probed, "tune": tuned}

"""L2-regularised logistic regression, to its optimum: the simplest judge of what features hold.

Newton's method (iteratively reweighted least squares; Bishop 2006, 4.3.3). With fewer clips than features all happens
in the span of the clips, so that a step costs the cube of their number only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PENALTY = 1e-3
_STEPS = 30
_ENOUGH = 1e-9

Reals = NDArray[np.float64]


def held_out_probabilities(train: Reals, labels: NDArray[np.int64], test: Reals, penalty: float = PENALTY) -> Reals:
    """Probabilities ``(M,)`` of label 1 for rows ``test (M, D)``, learnt from ``train (N, D)`` and ``labels (N,)``.

    Features are standardised by the training rows and rows scaled to length about 1, so that ``penalty`` (on the mean
    loss) means the same for any number of features.
    """
    mean, spread = train.mean(axis=0), train.std(axis=0) + 1e-6
    root = np.sqrt(train.shape[1])
    _, sizes, directions = np.linalg.svd((train - mean) / spread / root, full_matrices=False)
    kept = directions[sizes > sizes[0] * 1e-9].T
    weights = _fit(_with_ones((train - mean) / spread / root @ kept), labels.astype(np.float64), penalty)
    return _sigmoid(_with_ones((test - mean) / spread / root @ kept) @ weights)


def _fit(rows: Reals, targets: Reals, penalty: float) -> Reals:
    count, width = rows.shape
    ridge = np.full(width, penalty)
    ridge[-1] = 0  # the constant is free
    weights = np.zeros(width)
    for _ in range(_STEPS):
        found = _sigmoid(rows @ weights)
        gradient = rows.T @ (found - targets) / count + ridge * weights
        curvature = rows.T @ (rows * (found * (1 - found))[:, None]) / count + np.diag(ridge)
        step = np.linalg.solve(curvature, gradient)
        weights = weights - step
        if np.abs(step).max() < _ENOUGH:
            break
    return weights


def _with_ones(rows: Reals) -> Reals:
    return np.concatenate([rows, np.ones((len(rows), 1))], axis=1)


def _sigmoid(margins: Reals) -> Reals:
    return np.asarray(0.5 + 0.5 * np.tanh(margins / 2), dtype=np.float64)

"""Scores made up for tests of figures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from builder.evaluation.scores import ClipScore, Scores


def make_scores(
    labels: Sequence[int], probabilities: Sequence[float], sources: Sequence[str] | None = None, folds: int = 0
) -> Scores:
    """One score a label; every clip its own source unless ``sources`` says otherwise."""
    sources = sources or [f"source-{row}" for row in range(len(labels))]
    return Scores(
        clips=tuple(
            ClipScore(
                clip=f"clip-{row}",
                source=source,
                label=1 if label else 0,
                margin=float(np.log(probability / (1 - probability))) if 0 < probability < 1 else 0.0,
                probability=probability,
                windows=1,
                fold=int(source.split("-")[-1]) % folds if folds else None,
            )
            for row, (label, probability, source) in enumerate(zip(labels, probabilities, sources, strict=True))
        )
    )


def draw_scores(count: int, *, seed: int, noise: float = 1.2, folds: int = 0) -> Scores:
    """``count`` clips of three to a source, alternately fights and calm, judged with noise."""
    rng = np.random.default_rng(seed)
    labels = [(row // 3) % 2 for row in range(count)]
    margins = [(3 * label - 1.5) + noise * rng.normal() for label in labels]
    probabilities = [float(1 / (1 + np.exp(-margin))) for margin in margins]
    return make_scores(labels, probabilities, [f"camera-{row // 3}" for row in range(count)], folds)

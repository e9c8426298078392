"""Whether a compiled target is still the network it was compiled from."""

from __future__ import annotations

import msgspec
import numpy as np

from builder.evaluation.figures import Figures
from builder.evaluation.intervals import Difference, compare
from builder.evaluation.scores import Scores
from models.errors import NexaraError
from models.manifest import Accuracy


class ParityError(NexaraError):
    """A target lost more accuracy than the recipe allows."""


class Parity(msgspec.Struct, frozen=True, kw_only=True):
    """One target beside the float student on the same held-out clips; ``budget`` is the accuracy it may lose."""

    target: str
    difference: Difference
    budget: float

    @property
    def kept(self) -> bool:
        """Whether the loss is within the budget."""
        # A clip more or less is exact in counts but not in floats: 0.015 may come out as 0.0150000001.
        return -self.difference.accuracy.value <= self.budget + 1e-9


def measure_parity(
    target: str, student: Scores, artifact: Scores, *, threshold: float, budget: float, generator: np.random.Generator
) -> Parity:
    """Compare a target with the student, paired by clip. Raises ``UnpairedError`` for different clips."""
    return Parity(target=target, difference=compare(student, artifact, threshold, generator), budget=budget)


def require_parity(parities: tuple[Parity, ...]) -> None:
    """Raise ``ParityError``, with every figure, when a target lost more than its budget."""
    broken = [parity for parity in parities if not parity.kept]
    if broken:
        figures = "; ".join(
            f"{parity.target} lost {-100 * parity.difference.accuracy.value:.1f} points "
            f"({parity.difference.flips} clips judged otherwise, probabilities off by up to "
            f"{parity.difference.largest_deviation:.2f})"
            for parity in broken
        )
        raise ParityError(
            f"compiled targets differ from the float student: {figures}; at most {100 * broken[0].budget:.1f} points "
            "are allowed: give more representative samples, or raise the budget in the recipe"
        )


def manifest_accuracy(figures: Figures, difference: Difference) -> Accuracy:
    """The figures as a manifest states them; raises ``ParityError`` when a class was absent from the clips."""
    if figures.auc is None or figures.recall is None or figures.specificity is None:
        raise ParityError(f"a bundle's figures need clips of both classes: {'; '.join(set(figures.missing.values()))}")
    return Accuracy(
        clips=figures.clips,
        sources=figures.sources,
        accuracy=figures.accuracy,
        auc=figures.auc,
        recall=figures.recall.value,
        specificity=figures.specificity.value,
        largest_deviation=difference.largest_deviation,
    )

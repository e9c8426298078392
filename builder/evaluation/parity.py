"""Whether a compiled target is still the network it was compiled from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np

from builder.evaluation.figures import Figures
from builder.evaluation.intervals import Difference, compare
from builder.evaluation.scores import Scores
from models.errors import NexaraError
from models.manifest import Accuracy

_ROUNDING = 1e-9


class ParityError(NexaraError):
    """A target is further from the float student than the recipe allows."""


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What a target may lose: ``accuracy`` on held-out clips, and the share of them that it may judge otherwise."""

    accuracy: float
    flips: float


class Parity(msgspec.Struct, frozen=True, kw_only=True):
    """One target beside the float student on the same held-out ``clips``; ``budget`` is what it may lose."""

    target: str
    difference: Difference
    clips: int
    budget: Budget

    @property
    def kept(self) -> bool:
        """Whether all is within the budget."""
        # A clip more or less is exact in counts but not in floats: 0.015 may come out as 0.0150000001.
        lost = -self.difference.accuracy.value <= self.budget.accuracy + _ROUNDING
        return lost and self.difference.flips <= self.budget.flips * self.clips + _ROUNDING

    def told(self) -> str:
        """What was lost, in words."""
        change = self.difference
        flipped = ", ".join(f"{flip.clip} ({flip.first:.2f} to {flip.second:.2f})" for flip in change.flipped)
        return (
            f"{self.target} lost {-100 * change.accuracy.value:.1f} points [{-100 * change.accuracy.high:.1f}, "
            f"{-100 * change.accuracy.low:.1f}], and judges {change.flips} of {self.clips} clips otherwise"
            f"{f': {flipped}' if flipped else ''}; probabilities are off by {change.mean_deviation:.3f} in the mean "
            f"and {change.largest_deviation:.2f} at the most"
        )


def measure_parity(
    target: str, student: Scores, artifact: Scores, *, threshold: float, budget: Budget, generator: np.random.Generator
) -> Parity:
    """Compare a target with the student, paired by clip. Raises ``UnpairedError`` for different clips."""
    difference = compare(student, artifact, threshold, generator)
    return Parity(target=target, difference=difference, clips=len(student.clips), budget=budget)


def require_parities(
    student: Scores,
    targets: Mapping[str, Scores],
    *,
    threshold: float,
    budget: Budget,
    generator: np.random.Generator,
    explain: Callable[[Sequence[str]], str],
) -> tuple[Parity, ...]:
    """All of the ``targets``, by name, beside the student; raises as ``measure_parity`` and ``require_parity``."""
    parities = tuple(
        measure_parity(name, student, said, threshold=threshold, budget=budget, generator=generator)
        for name, said in targets.items()
    )
    require_parity(parities, explain)
    return parities


def require_parity(parities: Sequence[Parity], explain: Callable[[Sequence[str]], str]) -> None:
    """Raise ``ParityError``, with every figure and what ``explain`` finds of the targets so named, when any is over its
    budget."""
    broken = [parity for parity in parities if not parity.kept]
    if broken:
        budget = broken[0].budget
        raise ParityError(
            f"compiled targets differ from the float student: {'. '.join(parity.told() for parity in broken)}. At most "
            f"{100 * budget.accuracy:.1f} points and {100 * budget.flips:.1f} % of the clips are allowed: give more "
            "representative samples (quantization.clips), or raise the budget in the recipe ([gate])"
            f"{f'. {found}' if (found := explain([parity.target for parity in broken])) else ''}"
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

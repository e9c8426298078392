from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from builder.evaluation.figures import figure
from builder.evaluation.intervals import Difference
from builder.evaluation.parity import Budget, Parity, ParityError, manifest_accuracy, measure_parity, require_parity
from models.manifest import Interval
from tests.builder.evaluation.made_scores import draw_scores, make_scores


def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def measure(student: list[float], target: list[float], accuracy: float = 0.0, flips: float = 0.0) -> Parity:
    """Of clips that are fights and calm by turns."""
    labels = [1, 0] * (len(student) // 2)
    scores = (make_scores(labels, said) for said in (student, target))
    return measure_parity(
        "tiny", *scores, threshold=0.5, budget=Budget(accuracy=accuracy, flips=flips), generator=generator()
    )


def explain(broken: Sequence[str]) -> str:
    return f"{', '.join(broken)}: the stem"


@pytest.mark.parametrize(
    ("wrong", "accuracy", "flips", "kept"),
    [
        (0, 0.0, 0.0, True),
        (1, 0.015, 1.0, True),
        (3, 0.015, 1.0, True),
        (4, 0.015, 1.0, False),
        (4, 0.02, 1.0, True),
        (4, 0.02, 0.02, True),
        (4, 0.02, 0.0199, False),
    ],
)
def test_parity_is_kept_when_loss_and_flips_are_within_the_budget(
    wrong: int, accuracy: float, flips: float, kept: bool
) -> None:
    right = [0.9, 0.1] * 100
    worse = [1 - probability if row < wrong else probability for row, probability in enumerate(right)]
    parity = measure(right, worse, accuracy, flips)
    assert parity.kept == kept
    if kept:
        require_parity((parity,), explain)
    else:
        with pytest.raises(ParityError) as raised:
            require_parity((parity,), explain)
        told = str(raised.value)
        assert "tiny lost 2.0 points [" in told
        assert "judges 4 of 200 clips otherwise: clip-0 (0.90 to 0.10), clip-1 (0.10 to 0.90)" in told
        assert "off by 0.016 in the mean and 0.80 at the most" in told
        assert told.endswith(". tiny: the stem")
        assert f"At most {100 * accuracy:.1f} points and {100 * flips:.1f} % of the clips" in told


def test_a_better_target_keeps_parity_unless_it_judges_too_many_otherwise() -> None:
    better = measure([0.1, 0.1], [0.9, 0.1], flips=0.5)
    assert better.kept
    assert better.difference.accuracy.value == 0.5
    assert not measure([0.1, 0.1], [0.9, 0.1], flips=0.4).kept


def test_manifest_accuracy_raises_when_a_class_is_absent() -> None:
    still = Interval(value=0, low=0, high=0)
    difference = Difference(accuracy=still, auc=None, largest_deviation=0.1, mean_deviation=0.05, flips=0)
    both = figure(draw_scores(30, seed=1), 0.5, generator())
    assert manifest_accuracy(both, difference).largest_deviation == 0.1
    with pytest.raises(ParityError, match="no clip here is a fight"):
        manifest_accuracy(figure(make_scores([0, 0], [0.1, 0.2]), 0.5, generator()), difference)

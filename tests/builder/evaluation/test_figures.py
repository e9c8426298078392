from __future__ import annotations

import numpy as np
import pytest

from builder.evaluation.figures import NoClipsError, figure
from builder.evaluation.intervals import Difference
from builder.evaluation.parity import ParityError, manifest_accuracy, measure_parity, require_parity
from builder.evaluation.scores import Scores, Skipped
from models.manifest import Interval
from tests.builder.evaluation.made_scores import draw_scores, make_scores


def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def test_figures_agree_with_counts() -> None:
    figures = figure(make_scores([1, 1, 1, 0, 0], [0.9, 0.8, 0.1, 0.3, 0.6], folds=0), 0.5, generator())
    assert figures.accuracy.value == pytest.approx(3 / 5)
    assert figures.recall is not None
    assert figures.recall.value == pytest.approx(2 / 3)
    assert figures.specificity is not None
    assert figures.specificity.value == pytest.approx(1 / 2)
    assert figures.f1 == pytest.approx(2 / 3)
    assert (figures.clips, figures.fights, figures.sources, figures.missing) == (5, 3, 5, {})


@pytest.mark.parametrize(
    ("label", "absent", "present"),
    [
        (0, {"auc", "recall", "low_alarm_recall", "f1"}, "specificity"),
        (1, {"auc", "specificity", "low_alarm_recall"}, "recall"),
    ],
)
def test_figures_say_why_when_a_class_is_absent(label: int, absent: set[str], present: str) -> None:
    figures = figure(make_scores([label] * 4, [0.2, 0.3, 0.9, 0.1]), 0.5, generator())
    assert figures.missing.keys() == absent
    assert all(getattr(figures, name) is None for name in absent)
    assert getattr(figures, present) is not None


def test_figures_fall_back_to_wilson_when_every_clip_is_right() -> None:
    figures = figure(make_scores([1, 0] * 10, [0.9, 0.1] * 10), 0.5, generator())
    assert figures.accuracy == figures.accuracy_by_clip
    assert figures.accuracy.low == pytest.approx(0.8389, abs=1e-3)


def test_figures_raise_when_no_clip_was_scored() -> None:
    skipped = Skipped(clip="broken.avi", reason="broken.avi: cannot be decoded")
    with pytest.raises(NoClipsError, match="1 skipped"):
        figure(Scores(clips=(), skipped=(skipped,)), 0.5, generator())


@pytest.mark.parametrize(
    ("wrong", "budget", "kept"),
    [(0, 0.0, True), (1, 0.015, True), (3, 0.015, True), (4, 0.015, False), (4, 0.02, True)],
)
def test_parity_is_kept_when_the_loss_is_within_the_budget(wrong: int, budget: float, kept: bool) -> None:
    labels = [1, 0] * 100
    right = [0.9 if label else 0.1 for label in labels]
    worse = [1 - probability if row < wrong else probability for row, probability in enumerate(right)]
    parity = measure_parity(
        "tiny",
        make_scores(labels, right),
        make_scores(labels, worse),
        threshold=0.5,
        budget=budget,
        generator=generator(),
    )
    assert parity.kept == kept
    if kept:
        require_parity((parity,))
    else:
        with pytest.raises(ParityError, match=r"tiny lost 2\.0 points \(4 clips .* at most 1\.5 points"):
            require_parity((parity,))


def test_parity_is_kept_when_a_target_is_better() -> None:
    parity = measure_parity(
        "tiny",
        make_scores([1, 0], [0.1, 0.1]),
        make_scores([1, 0], [0.9, 0.1]),
        threshold=0.5,
        budget=0.0,
        generator=generator(),
    )
    assert parity.kept


def test_manifest_accuracy_raises_when_a_class_is_absent() -> None:
    still = Interval(value=0, low=0, high=0)
    difference = Difference(accuracy=still, auc=None, largest_deviation=0.1, flips=0)
    both = figure(draw_scores(30, seed=1), 0.5, generator())
    assert manifest_accuracy(both, difference).largest_deviation == 0.1
    with pytest.raises(ParityError, match="no clip here is a fight"):
        manifest_accuracy(figure(make_scores([0, 0], [0.1, 0.2]), 0.5, generator()), difference)

from __future__ import annotations

import numpy as np
import pytest

from builder.evaluation.figures import NoClipsError, figure
from builder.evaluation.scores import Scores, Skipped
from tests.builder.evaluation.made_scores import make_scores


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

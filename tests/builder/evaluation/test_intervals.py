from __future__ import annotations

import numpy as np
import pytest

from builder.evaluation.figures import figure
from builder.evaluation.intervals import UnpairedError, bootstrap, compare, resample, wilson
from builder.evaluation.metrics import Reals, accuracies
from builder.evaluation.roc_band import roc_band
from builder.evaluation.scores import Scores, ScoreTable
from tests.builder.evaluation.made_scores import draw_scores, make_scores


def accuracy(table: ScoreTable, weights: Reals) -> Reals:
    return accuracies(table.labels, table.probabilities, 0.5, weights)


# Reference values: Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3.
@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_equals_published_values(right: int, total: int, low: float, high: float) -> None:
    interval = wilson(right, total)
    assert [interval.low, interval.high] == pytest.approx([low, high], abs=5e-5)


def test_interval_is_wider_when_clips_of_a_source_agree() -> None:
    rng = np.random.default_rng(1)
    right = rng.random(20) < 0.7
    labels = [1] * 100
    probabilities = np.repeat(np.where(right, 0.9, 0.1), 5).tolist()
    grouped = make_scores(labels, probabilities, [f"camera-{row // 5}" for row in range(100)]).table()
    apart = make_scores(labels, probabilities).table()
    by_source = bootstrap(grouped, accuracy, resample(grouped, np.random.default_rng(0)))
    by_clip = bootstrap(apart, accuracy, resample(apart, np.random.default_rng(0)))
    assert by_source is not None
    assert by_clip is not None
    # Five clips that always agree are worth one: the standard error grows by the root of five.
    assert (by_source.high - by_source.low) / (by_clip.high - by_clip.low) == pytest.approx(5**0.5, rel=0.2)


def test_resample_draws_whole_sources() -> None:
    sizes = (1, 4, 2, 5)
    sources = [f"camera-{source}" for source, size in enumerate(sizes) for _ in range(size)]
    table = make_scores([1] * 12, [0.5] * 12, sources).table()
    weights = resample(table, np.random.default_rng(0), 50)
    for group, size in enumerate(sizes):
        columns = weights[:, table.groups == group]
        assert columns.shape[1] == size
        assert np.array_equal(columns, np.repeat(columns[:, :1], size, axis=1))
    firsts = weights[:, [sources.index(f"camera-{source}") for source in range(len(sizes))]]
    assert set(firsts.sum(axis=1)) == {4.0}


def test_resample_draws_clips_when_there_is_one_source() -> None:
    table = make_scores([1, 0, 1, 0], [0.9, 0.2, 0.3, 0.4], ["camera-0"] * 4).table()
    weights = resample(table, np.random.default_rng(0), 50)
    assert set(weights.sum(axis=1)) == {4.0}
    assert len(np.unique(weights, axis=0)) > 5


def test_figures_repeat_when_the_generator_is_seeded_alike() -> None:
    scores = draw_scores(60, seed=3)
    first, second, third = (figure(scores, 0.5, np.random.default_rng(seed)) for seed in (7, 7, 8))
    assert first == second
    assert first.auc != third.auc


def test_compare_finds_no_difference_when_scores_are_equal_in_another_order() -> None:
    scores = draw_scores(30, seed=2)
    shuffled = Scores(clips=tuple(reversed(scores.clips)))
    difference = compare(scores, shuffled, 0.5, np.random.default_rng(0))
    assert difference.auc is not None
    ends = (difference.accuracy.low, difference.accuracy.high, difference.auc.low, difference.auc.high)
    assert (*ends, difference.largest_deviation, difference.flips) == (0, 0, 0, 0, 0, 0)


def test_compare_is_second_less_first() -> None:
    first = make_scores([1, 1, 0, 0], [0.9, 0.8, 0.2, 0.1])
    second = make_scores([1, 1, 0, 0], [0.9, 0.3, 0.2, 0.1])
    difference = compare(first, second, 0.5, np.random.default_rng(0))
    assert (difference.accuracy.value, difference.flips) == (-0.25, 1)
    assert difference.largest_deviation == pytest.approx(0.5)
    assert difference.mean_deviation == pytest.approx(0.125)
    assert [(flip.label, flip.first, flip.second) for flip in difference.flipped] == [(1, 0.8, 0.3)]
    assert difference.flipped[0].clip == first.clips[1].clip
    assert difference.accuracy.low <= -0.25 <= difference.accuracy.high


def test_compare_has_no_auc_when_a_class_is_absent() -> None:
    scores = make_scores([0, 0], [0.2, 0.7])
    assert compare(scores, scores, 0.5, np.random.default_rng(0)).auc is None


@pytest.mark.parametrize(("first", "second"), [(4, 5), (5, 4), (0, 0)])
def test_compare_raises_when_clips_differ(first: int, second: int) -> None:
    one, two = make_scores([1] * first, [0.5] * first), make_scores([1] * second, [0.5] * second)
    with pytest.raises(UnpairedError, match="score both on the same clips"):
        compare(one, two, 0.5, np.random.default_rng(0))


def test_roc_band_encloses_the_curve_and_is_absent_when_a_class_is() -> None:
    table = draw_scores(90, seed=4).table()
    band = roc_band(table, resample(table, np.random.default_rng(0), 500))
    assert band is not None
    low, middle, high = (np.array(part) for part in (band.low, band.true_positive_rate, band.high))
    assert np.all(low <= high)
    assert np.mean((low <= middle) & (middle <= high)) > 0.95
    assert np.all(np.diff(middle) >= 0)
    single = make_scores([0, 0], [0.2, 0.7]).table()
    assert roc_band(single, resample(single, np.random.default_rng(0), 10)) is None

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.evaluation.metrics import (
    Confusion,
    accuracies,
    auc,
    aucs,
    confusion,
    expected_calibration_error,
    f1,
    recalls,
    recalls_at,
    reliability,
    specificities,
)

# Few distinct values, so that ties are common.
rows = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4), st.integers(0, 3)), min_size=2, max_size=30)


@pytest.mark.parametrize(
    ("labels", "scores", "expected"),
    [
        ([0, 1], [0.1, 0.9], 1.0),
        ([0, 1], [0.9, 0.1], 0.0),
        ([0, 1], [0.5, 0.5], 0.5),
        ([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], 0.75),
        ([0, 1, 0, 1], [0.2, 0.2, 0.2, 0.9], 0.75),
        ([1, 1, 1], [0.1, 0.2, 0.3], math.nan),
        ([0, 0], [0.1, 0.2], math.nan),
    ],
)
def test_auc_is_exact_when_scores_tie_or_a_class_is_absent(
    labels: list[int], scores: list[float], expected: float
) -> None:
    assert auc(np.array(labels), np.array(scores)) == pytest.approx(expected, nan_ok=True)


@given(rows)
def test_auc_equals_the_share_of_ordered_pairs_when_weighted(drawn: list[tuple[int, int, int]]) -> None:
    labels, scores, weights = (np.array(column) for column in zip(*drawn, strict=True))
    fights, calm = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    won = whole = 0.0
    for fight in fights:
        for other in calm:
            pairs = float(weights[fight] * weights[other])
            whole += pairs
            won += pairs * (1.0 if scores[fight] > scores[other] else 0.5 if scores[fight] == scores[other] else 0.0)
    expected = won / whole if whole else math.nan
    found = aucs(labels, scores.astype(float), weights[None].astype(float))[0]
    assert found == pytest.approx(expected, nan_ok=True)


@given(rows)
def test_weights_count_as_repeats_when_integer(drawn: list[tuple[int, int, int]]) -> None:
    labels, scores, weights = (np.array(column) for column in zip(*drawn, strict=True))
    probabilities = scores / 4
    repeated = np.repeat(np.arange(len(labels)), weights)
    for metric in (accuracies, recalls, specificities):
        weighted = metric(labels, probabilities, 0.5, weights[None].astype(float))[0]
        plain = metric(labels[repeated], probabilities[repeated], 0.5, np.ones((1, len(repeated))))[0]
        assert weighted == pytest.approx(plain, nan_ok=True)


def test_confusion_counts_a_probability_at_the_threshold_as_a_fight() -> None:
    counts = confusion(np.array([1, 1, 0, 0, 0]), np.array([0.5, 0.4, 0.5, 0.49, 0.1]), 0.5)
    assert counts == Confusion(true_positives=1, false_negatives=1, true_negatives=2, false_positives=1)


@given(rows)
def test_shares_agree_with_the_confusion_counts(drawn: list[tuple[int, int, int]]) -> None:
    labels, scores, _ = (np.array(column) for column in zip(*drawn, strict=True))
    probabilities, ones = scores / 4, np.ones((1, len(labels)))
    counts = confusion(labels, probabilities, 0.5)
    right, fights = counts.true_positives + counts.true_negatives, counts.true_positives + counts.false_negatives
    calm = len(labels) - fights
    expected = [
        right / len(labels),
        counts.true_positives / fights if fights else math.nan,
        counts.true_negatives / calm if calm else math.nan,
    ]
    found = [float(metric(labels, probabilities, 0.5, ones)[0]) for metric in (accuracies, recalls, specificities)]
    assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [((2, 1, 5, 1), 2 / 3), ((0, 3, 5, 0), 0.0), ((0, 0, 5, 0), math.nan)],
)
def test_f1_is_undefined_when_nothing_is_or_is_called_a_fight(
    counts: tuple[int, int, int, int], expected: float
) -> None:
    hits, misses, calm, alarms = counts
    found = f1(Confusion(true_positives=hits, false_negatives=misses, true_negatives=calm, false_positives=alarms))
    assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("labels", "probabilities", "expected"),
    [
        ([1, 1, 0, 0], [1.0, 1.0, 0.0, 0.0], 0.0),
        ([0, 0, 1, 1], [1.0, 1.0, 0.0, 0.0], 1.0),
        ([1, 0, 1, 0], [0.75, 0.75, 0.75, 0.75], 0.25),
        ([1, 0, 0, 0], [0.95, 0.25, 0.25, 0.25], (0.05 + 3 * 0.25) / 4),
    ],
)
def test_calibration_error_weighs_each_bin_by_its_clips(
    labels: list[int], probabilities: list[float], expected: float
) -> None:
    assert expected_calibration_error(np.array(labels), np.array(probabilities)) == pytest.approx(expected)


def test_reliability_puts_a_probability_of_one_into_the_last_bin() -> None:
    bins = reliability(np.array([1, 0, 0]), np.array([1.0, 0.95, 0.0]))
    assert [(bin_.clips, bin_.share) for bin_ in bins] == [(1, 0.0), (2, 0.5)]


@pytest.mark.parametrize(
    ("labels", "scores", "rate", "expected"),
    [
        ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], 0.0, 1.0),
        ([0, 0, 1, 1], [0.1, 0.85, 0.8, 0.9], 0.0, 0.5),
        ([0, 0, 1, 1], [0.1, 0.85, 0.8, 0.9], 0.49, 0.5),
        ([0, 0, 1, 1], [0.1, 0.85, 0.8, 0.9], 0.5, 1.0),
        ([0, 1], [0.5, 0.5], 0.05, 0.0),
        ([0, 1], [0.5, 0.5], 1.0, 1.0),
        ([1, 1], [0.5, 0.6], 0.05, math.nan),
        ([0, 0], [0.5, 0.6], 0.05, math.nan),
    ],
)
def test_recall_at_a_false_alarm_rate_takes_whole_steps_and_is_undefined_without_a_class(
    labels: list[int], scores: list[float], rate: float, expected: float
) -> None:
    found = recalls_at(np.array(labels), np.array(scores), np.ones((1, len(labels))), rate)
    assert found == pytest.approx([expected], nan_ok=True)


@given(rows, st.floats(0, 1))
def test_recall_at_a_false_alarm_rate_is_the_best_of_all_thresholds_that_keep_it(
    drawn: list[tuple[int, int, int]], rate: float
) -> None:
    labels, scores, weights = (np.array(column) for column in zip(*drawn, strict=True))
    row = weights[None].astype(float)
    found = float(recalls_at(labels, scores / 4, row, rate)[0])
    told = [
        (float(specificities(labels, scores / 4, at, row)[0]), float(recalls(labels, scores / 4, at, row)[0]))
        for at in (0.0, 0.25, 0.5, 0.75, 1.0, 2.0)
    ]
    if any(math.isnan(value) for pair in told for value in pair):
        assert math.isnan(found)
    else:
        assert found == pytest.approx(max(recall for calm, recall in told if 1 - calm <= rate + 1e-9))

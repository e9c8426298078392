from __future__ import annotations

import msgspec
import numpy as np
import pytest

from builder.ablation.comparison import compare_arms
from builder.evaluation.figures import figure
from builder.evaluation.intervals import UnpairedError
from builder.evaluation.scores import Scores
from tests.builder.evaluation.made_scores import draw_scores, make_scores


def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def turned(scores: Scores) -> Scores:
    """The same in another order."""
    return Scores(clips=tuple(reversed(scores.clips)))


def without(scores: Scores, clips: int) -> Scores:
    """All but the last ``clips``."""
    return Scores(clips=scores.clips[: len(scores.clips) - clips])


def test_figures_are_means_over_seeds() -> None:
    on = [draw_scores(60, seed=seed) for seed in (1, 2, 3)]
    found = compare_arms(on, on, generator())
    singles = [figure(scores, 0.5, generator()) for scores in on]
    assert found.on.accuracy.value == pytest.approx(np.mean([single.accuracy.value for single in singles]))
    assert found.on.auc.value == pytest.approx(np.mean([single.auc.value for single in singles if single.auc]))
    alarms = [single.low_alarm_recall.value for single in singles if single.low_alarm_recall]
    assert found.on.low_alarm_recall.value == pytest.approx(np.mean(alarms))
    assert (found.clips, found.seeds) == (60, 3)


def test_there_is_no_difference_when_on_and_off_say_the_same_in_any_order() -> None:
    on = [draw_scores(60, seed=seed) for seed in (1, 2)]
    found = compare_arms(on, [turned(scores) for scores in on], generator())
    assert found.on == found.off
    for difference in (found.difference.accuracy, found.difference.auc, found.difference.low_alarm_recall):
        assert (difference.value, difference.low, difference.high) == (0, 0, 0)


def test_the_difference_is_on_less_off_and_surer_than_either() -> None:
    off = [draw_scores(90, seed=seed, noise=2.5) for seed in (1, 2, 3)]
    on = [
        Scores(
            clips=tuple(
                msgspec.structs.replace(score, probability=0.75 * score.probability + 0.25 * score.label)
                for score in scores.clips
            )
        )
        for scores in off
    ]
    found = compare_arms(on, off, generator())
    assert found.difference.auc.value == pytest.approx(found.on.auc.value - found.off.auc.value)
    assert found.difference.auc.low > 0
    widths = [one.auc.high - one.auc.low for one in (found.on, found.off)]
    assert found.difference.auc.high - found.difference.auc.low < max(widths)


def test_the_interval_is_wider_when_seeds_disagree() -> None:
    alike = [draw_scores(90, seed=1)] * 3
    apart = [draw_scores(90, seed=1, noise=noise) for noise in (0.1, 1.2, 5.0)]
    narrow, wide = (compare_arms(one, one, generator()).on.auc for one in (alike, apart))
    assert wide.high - wide.low > narrow.high - narrow.low


def test_only_clips_that_all_judged_are_compared() -> None:
    on, off = draw_scores(60, seed=1), draw_scores(60, seed=2)
    found = compare_arms([without(on, 6)], [off], generator())
    assert found.clips == 54
    assert found.off.accuracy.value == pytest.approx(figure(without(off, 6), 0.5, generator()).accuracy.value)


@pytest.mark.parametrize(("on", "off"), [([1, 1], [1, 1]), ([], [1, 0])])
def test_one_clear_error_when_nothing_can_be_compared(on: list[int], off: list[int]) -> None:
    one, two = (make_scores(labels, [0.5] * len(labels)) for labels in (on, off))
    with pytest.raises(UnpairedError, match=r"clip\(s\) were judged both on and off, not of both classes"):
        compare_arms([one], [two], generator())

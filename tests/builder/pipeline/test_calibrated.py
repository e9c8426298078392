from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.errors import DataError
from builder.evaluation.scores import ClipScore, Scores, Skipped
from builder.pipeline.calibrated import FoldCalibration, apply_calibration, calibrate_folds, pool
from builder.training.calibration import fit_platt, fit_temperature
from models.manifest import Thresholds

NONE: frozenset[str] = frozenset()


def make_scores(fold: int, count: int = 8, seed: int = 0) -> Scores:
    rng = np.random.default_rng((seed, fold))
    clips = [
        ClipScore(
            clip=f"{fold}-{n}.mp4",
            source=f"s{fold}",
            label=n % 2,
            margin=float(rng.normal(2 * (n % 2) - 1)),
            probability=0.5,
            windows=1,
            fold=fold,
        )
        for n in range(count)
    ]
    return Scores(clips=tuple(clips))


def change(scores: Scores, margin: float, without: frozenset[str] = NONE) -> Scores:
    """The same with other margins and labels for all clips but those of ``without``."""
    return Scores(
        clips=tuple(
            score
            if score.clip in without
            else msgspec.structs.replace(score, margin=margin * score.margin + margin, label=1 - score.label)
            for score in scores.clips
        )
    )


@given(st.integers(2, 5), st.integers(0, 4), st.floats(-9, 9), st.integers(0, 20))
def test_no_clip_of_the_judged_fold_is_used_when_all_folds_are_judged(
    count: int, fold: int, margin: float, seed: int
) -> None:
    fold %= count
    scores = {number: make_scores(number, seed=seed) for number in range(count)}
    kept = dict.fromkeys(scores, NONE)
    before = calibrate_folds(scores, kept)
    after = calibrate_folds({**scores, fold: change(scores[fold], margin)}, kept)
    assert after[fold] == before[fold]


def test_the_other_folds_verdicts_are_used_when_all_folds_are_judged() -> None:
    scores = {number: make_scores(number) for number in range(3)}
    found = calibrate_folds(scores, dict.fromkeys(scores, NONE))[1]
    others = [score for fold in (0, 2) for score in scores[fold].clips]
    platt = fit_platt(np.array([score.margin for score in others]), np.array([score.label for score in others]))
    assert found.platt == platt


def test_a_temperature_alone_is_fitted_when_asked_for() -> None:
    scores = {number: make_scores(number, count=40) for number in range(2)}
    kept = dict.fromkeys(scores, NONE)
    alone, both = (calibrate_folds(scores, kept, method)[0] for method in ("temperature", "platt"))
    table = scores[1].table()
    assert alone.platt == fit_temperature(table.margins, table.labels)
    assert both.platt == fit_platt(table.margins, table.labels) != alone.platt


@given(st.floats(-9, 9), st.integers(0, 20))
def test_only_the_kept_clips_are_used_when_there_are_some(margin: float, seed: int) -> None:
    scores = {0: make_scores(0, seed=seed), 1: make_scores(1, seed=seed)}
    kept = {0: frozenset({"0-0.mp4", "0-1.mp4", "0-2.mp4"}), 1: NONE}
    before = calibrate_folds(scores, kept)[0]
    changed = {0: change(scores[0], margin, kept[0]), 1: change(scores[1], margin)}
    assert calibrate_folds(changed, kept)[0] == before
    used = [score for score in scores[0].clips if score.clip in kept[0]]
    assert before.platt == fit_platt(
        np.array([score.margin for score in used]), np.array([score.label for score in used])
    )


@pytest.mark.parametrize("kept", [frozenset({"0-0.mp4", "0-2.mp4"}), NONE])
def test_one_clear_error_when_the_clips_for_calibration_are_of_one_class(kept: frozenset[str]) -> None:
    with pytest.raises(DataError, match=r"fold 0: the \d clip\(s\) for its calibration are not of both classes"):
        calibrate_folds({0: make_scores(0)}, {0: kept})


def test_calibrated_verdicts_leave_out_the_kept_clips_and_keep_what_was_skipped() -> None:
    skipped = (Skipped(clip="x.mp4", reason="broken"),)
    scores = Scores(clips=make_scores(0, 3).clips, skipped=skipped)
    calibration = FoldCalibration(2.0, 1.0, Thresholds(wake=0.1, clear=0.3, alert=0.5))
    told = apply_calibration(scores, calibration, frozenset({"0-1.mp4"}))
    assert [score.clip for score in told.clips] == ["0-0.mp4", "0-2.mp4"]
    assert told.skipped == skipped
    for before, after in zip((scores.clips[0], scores.clips[2]), told.clips, strict=True):
        assert after.probability == pytest.approx(1 / (1 + np.exp(-(before.margin + 1) / 2)))
        assert msgspec.structs.replace(after, probability=0.5) == before


def test_pooled_verdicts_are_those_of_all_folds_in_order() -> None:
    scores = {2: make_scores(2, 2), 0: make_scores(0, 1)}
    assert [score.clip for score in pool(scores).clips] == ["0-0.mp4", "2-0.mp4", "2-1.mp4"]

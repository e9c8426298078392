from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.attention import Attention, AttentionPolicy
from edge_agent.policy import PolicyError
from models.manifest import Thresholds

THRESHOLDS = Thresholds(wake=0.3, alert=0.7, clear=0.5)


def modes(
    scores: list[float], *, step_s: float = 0.5, hold_s: float = 2.0, doubt_s: float = 0.0, busy: bool = False
) -> str:
    """One letter for each score: the mode after it."""
    attention = Attention(AttentionPolicy(calm_hold_s=hold_s, doubt_hold_s=doubt_s), THRESHOLDS)
    return "".join(attention.judge(index * step_s, score, busy=busy)[0] for index, score in enumerate(scores))


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        pytest.param([0.1, 0.29, 0.1], "iii", id="calm-stays-idle"),
        pytest.param([0.1, 0.3], "ia", id="wakes-at-threshold"),
        pytest.param([0.9, 0.1, 0.1, 0.1, 0.1, 0.1], "aaaaai", id="idle-after-hold"),
        pytest.param([0.9, 0.1, 0.1, 0.3, 0.1, 0.1, 0.1, 0.1, 0.1], "aaaaaaaai", id="waking-restarts-hold"),
        pytest.param([0.9] + [0.4] * 8, "a" * 9, id="what-wakes-is-not-calm-though-clear-is-higher"),
    ],
)
def test_judge_changes_mode_with_hysteresis_when_scores_move(scores: list[float], expected: str) -> None:
    assert modes(scores) == expected


@pytest.mark.parametrize(
    ("scores", "doubt_s", "expected"),
    [
        pytest.param([0.3, 0.29, 0.3, 0.1], 0.0, "aiai", id="idle-at-once"),
        pytest.param([0.69, 0.1, 0.1, 0.1], 1.0, "aaai", id="idle-after-its-own-hold"),
        pytest.param([0.3, 0.7, 0.1, 0.1, 0.1, 0.1, 0.1], 0.0, "aaaaaai", id="held-once-it-came-to-alert"),
        pytest.param([0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.3, 0.1], 0.0, "aaaaaiai", id="in-doubt-again-when-it-wakes-anew"),
    ],
)
def test_judge_holds_a_camera_for_long_only_once_it_came_to_the_alert_threshold(
    scores: list[float], doubt_s: float, expected: str
) -> None:
    assert modes(scores, doubt_s=doubt_s) == expected


def test_judge_stays_alert_when_busy() -> None:
    assert modes([0.9] + [0.0] * 20, busy=True) == "a" * 21


def test_judge_is_in_doubt_again_after_a_rest() -> None:
    attention = Attention(AttentionPolicy(doubt_hold_s=0.0), THRESHOLDS)
    attention.judge(0.0, 0.9, busy=False)
    attention.rest()
    assert [attention.judge(at, score, busy=False) for at, score in ((1.0, 0.4), (1.1, 0.1))] == ["alert", "idle"]


@pytest.mark.parametrize("doubt_s", [-0.1, float("inf"), float("nan")])
def test_policy_is_refused_when_the_doubt_hold_is_no_time(doubt_s: float) -> None:
    with pytest.raises(PolicyError, match="doubt_hold_s: found"):
        AttentionPolicy(doubt_hold_s=doubt_s)


def test_judge_keeps_alert_between_calm_and_wake_when_clear_is_lower() -> None:
    attention = Attention(AttentionPolicy(1.0), Thresholds(wake=0.6, alert=0.8, clear=0.2))
    attention.judge(0.0, 0.7, busy=False)
    assert [attention.judge(float(second), 0.4, busy=False) for second in range(1, 9)] == ["alert"] * 8


def test_rest_falls_back_to_idle_when_camera_is_lost() -> None:
    attention = Attention(AttentionPolicy(), THRESHOLDS)
    attention.judge(0.0, 0.9, busy=False)
    attention.rest()
    assert attention.mode == "idle"


def test_apply_keeps_the_mode_until_the_new_thresholds_call_it_calm() -> None:
    attention = Attention(AttentionPolicy(doubt_hold_s=2.0), THRESHOLDS)
    attention.judge(0.0, 0.4, busy=False)
    attention.apply(AttentionPolicy(doubt_hold_s=1.0), Thresholds(wake=0.6, alert=0.7, clear=0.5))
    assert attention.mode == "alert"
    assert [attention.judge(at, 0.4, busy=False) for at in (0.5, 1.0, 1.5, 2.0)] == ["alert", "alert", "idle", "idle"]
    attention.apply(AttentionPolicy(), THRESHOLDS)
    assert attention.mode == "idle"
    assert attention.judge(2.5, 0.4, busy=False) == "alert"


@given(st.lists(st.floats(0, 1), max_size=80))
def test_judge_never_falls_idle_within_hold_when_any_score_woke(scores: list[float]) -> None:
    attention = Attention(AttentionPolicy(calm_hold_s=1.0, doubt_hold_s=1.0), THRESHOLDS)
    woke_s = None
    for index, score in enumerate(scores):
        now_s = index * 0.1
        mode = attention.judge(now_s, score, busy=False)
        woke_s = now_s if score >= THRESHOLDS.wake else woke_s
        if woke_s is not None and now_s - woke_s < 1.0:
            assert mode == "alert"
        if woke_s is None:
            assert mode == "idle"
